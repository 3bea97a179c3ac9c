// MoCo v3 whose predictor was left out.
// expect: MoCo v3 needs a predictor: without one the student falls onto its teacher
#include "vitrail/objectives/moco_v3.hpp"
#include "vitrail/vit/presets.hpp"

using namespace vitrail;

#ifdef BAD
constexpr MocoV3Config heads{.predictor_hidden = 0};
#else
constexpr MocoV3Config heads{.predictor_hidden = 4096};
#endif
MocoV3<ViT<vit_tiny_patch4_32>, heads> objective;
