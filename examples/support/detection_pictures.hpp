// Pictures with what is in them: masks as colour, boxes as frames.
#pragma once
#include <vitrail/tensor/image.hpp>
#include <vitrail/tensor/run_length.hpp>

namespace pictures {

// A picture, every pixel `zoom` times as wide and high, in colour.
vitrail::Image enlarged(const vitrail::Image& from, int zoom);

// Lays one thing over an enlarged picture.
void draw_object(vitrail::Image& on, int zoom, int label, const vitrail::Box& box, const vitrail::RunLengthMask& mask);

}  // namespace pictures
