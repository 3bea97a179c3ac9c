// Where a program's images come from: the built-in shapes, or a folder.
#pragma once
#include <memory>
#include <string>

#include <vitrail/core/random.hpp>
#include <vitrail/train/image_set.hpp>
#include <vitrail/train/loader.hpp>

struct Images {
  std::shared_ptr<const vitrail::ImageSet> train, validation;  // validation: null where there is none
  std::string description;

  // Keeps `count` of the training images, balanced over the classes; 0: all.
  void use(int count, vitrail::Random random);
};

// "shapes": `count` rendered images of `size` pixels and a fifth as many to validate with; else a folder. Decoded images are
// kept in memory, at twice the size that the model sees.
Images open_data(const std::string& data, int size, int count, std::uint64_t seed);

// Say what could not be read, if anything: images of a training, images that an evaluation did without.
void say_unreadable(const vitrail::BatchLoader& loader);
void say_unreadable(int evaluated);
