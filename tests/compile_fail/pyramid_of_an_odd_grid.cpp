// A pyramid halves the grid of patches: 56 pixels in patches of 8 are seven to a side.
// expect: a feature pyramid halves the grid and quarters a patch
// expect: PyramidFitsGrid<7, 8>
#include "vitrail/backends/cpu.hpp"
#include "vitrail/objectives/mask_rcnn.hpp"

using namespace vitrail;

#ifdef BAD
constexpr int image = 56;
#else
constexpr int image = 64;
#endif
using Detector = MaskRcnn<ViT<ViTConfig{.image = image, .patch = 8, .dim = 24, .depth = 3, .heads = 2}>>;
auto grid() { return Detector::anchors(); }
