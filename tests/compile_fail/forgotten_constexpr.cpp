// An objective that trains, but whose loss is not constexpr, is planned inside the compiler.
// expect anywhere: non-.?constexpr.? function.*operator\(\)
#include "vitrail/core/shape_rules.hpp"
#include "vitrail/objectives/cost.hpp"
#include "vitrail/ops/reduce.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;

struct Mine {
  using Encoder = ViT<vit_nano_patch4_32>;
  using images_shape = Encoder::images_shape;
  Encoder encoder{};
  struct Draw {};
  constexpr Draw draw(Sampler&, int) const { return {}; }
#ifdef BAD
  auto operator()(const Tracked auto& images, const Draw&) const { return mean(encoder(images)); }
#else
  constexpr auto operator()(const Tracked auto& images, const Draw&) const { return mean(encoder(images)); }
#endif
  constexpr void visit(auto&& f) { f("encoder", encoder); }
};

static_assert(FitsInto<cost<Mine>(8).peak_bytes, 1_GiB>);
