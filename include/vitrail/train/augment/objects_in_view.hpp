// What annotators drew in a picture, as it is seen in a view that was cut from it.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "../../core/config.hpp"
#include "../../core/view_plan.hpp"
#include "../../tensor/run_length.hpp"

namespace vitrail {

namespace detail {
// One axis of a view: pixels of the annotated picture from pixels of the view, and back.
struct ViewAxis {
  const ResampleAxis& axis;
  double scale;  // pixels of the annotated picture in one of the picture that was cut
  bool flip;

  float to_view(double x) const {
    const double at = (x / scale - axis.origin) / axis.step;
    return static_cast<float>(std::clamp(flip ? axis.size - at : at, 0.0, static_cast<double>(axis.size)));
  }
  // Where the middle of the view's pixel i lies; -1 where the view shows nothing there.
  int from_view(int i, int pixels) const {
    const double at = axis.origin + ((flip ? axis.size - 1 - i : i) + 0.5) * axis.step;
    return at < axis.begin || at >= axis.end ? -1 : std::min(static_cast<int>(at * scale), pixels - 1);
  }
};
}  // namespace detail

// Objects of a picture of width x height pixels, which a reader may have made smaller than the annotated one, in the view of a plan. Crowds
// are left out, and objects of which less than a pixel is seen. An object without a mask has its box for one.
VITRAIL_FUNCTION std::vector<ViewObject> objects_in_view(const Objects& objects, int width, int height, const ViewPlan& plan);

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/objects_in_view.hpp"
#endif
