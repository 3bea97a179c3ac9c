// An objective whose loss is a number for each image.
// expect: an objective returns its loss, one number
#include "vitrail/nn/linear.hpp"
#include "vitrail/objectives/cost.hpp"
#include "vitrail/ops/reduce.hpp"

using namespace vitrail;

struct Mine {
  using images_shape = Shape<dyn, 8>;
  Linear<8, 1> head{};
  struct Draw {};
  constexpr Draw draw(Sampler&, int) const { return {}; }
  constexpr auto operator()(const Value auto& x, const Draw&) const {
#ifdef BAD
    return head(x);
#else
    return mean(head(x));
#endif
  }
  constexpr void visit(auto&& f) { f("head", head); }
};

static_assert(cost<Mine>(4).parameters == 9);
