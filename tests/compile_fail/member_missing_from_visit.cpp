// A member that visit() does not list: its cost is no constant.
// expect anywhere: non-.?constexpr.? function.*refuse_parameter_missing_from_visit
#include "vitrail/nn/linear.hpp"
#include "vitrail/objectives/cost.hpp"
#include "vitrail/ops/squared_error.hpp"

using namespace vitrail;

struct TwoLayers {
  using images_shape = Shape<dyn, 8>;
  Linear<8, 8> first{}, second{};
  struct Draw {};
  constexpr Draw draw(Sampler&, int) const { return {}; }
  constexpr auto operator()(const Value auto& x, const Draw&) const { return squared_error(second(first(x)), detach(x)); }
#ifdef BAD
  constexpr void visit(auto&& f) { f("first", first); }
#else
  constexpr void visit(auto&& f) { f("first", first), f("second", second); }
#endif
};

static_assert(cost<TwoLayers>(4).parameters == 144);
