// Boxes are not for eight bits: a detector whose values are bfloat16.
// expect: give its Model the scalar float
#include "vitrail/objectives/mask_rcnn.hpp"

#include "vitrail/objectives/cost.hpp"

using namespace vitrail;
using Detector = MaskRcnn<ViT<ViTConfig{.image = 32, .patch = 8, .dim = 16, .depth = 3, .heads = 2}>,
                          DetectorConfig{.classes = 3, .objects = 4, .width = 8, .hidden = 16, .proposals = 20, .per_level = 30, .regions = 16}>;

#ifdef BAD
using Scalar = bfloat16;
#else
using Scalar = float;
#endif
auto planned() { return cost<Detector, Scalar>(1); }
