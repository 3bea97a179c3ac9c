// A classifier that reads the class token of an encoder that has none.
// expect: this encoder has no class token: use pool_patches, or set class_token in its config
#include "vitrail/objectives/cost.hpp"
#include "vitrail/objectives/supervised.hpp"

using namespace vitrail;
constexpr ViTConfig vit{.image = 8, .patch = 4, .dim = 8, .depth = 1, .heads = 2, .class_token = false};

#ifdef BAD
constexpr auto flops = cost<Supervised<ViT<vit>, 10, ClassTokenPool>>(2).forward_flops;
#else
constexpr auto flops = cost<Supervised<ViT<vit>, 10, MeanPool>>(2).forward_flops;
#endif
