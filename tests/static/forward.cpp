// Forward declarations have the names and the kinds of what they stand for: this file compiles.
#include "vitrail/fwd.hpp"

namespace {

struct Mine;
struct Holder {
  vitrail::Model<Mine, vitrail::Cpu, float>* model;
  vitrail::AdamW<Mine, vitrail::Cpu, float>* optimizer;
  const vitrail::ImageSet& images;
  vitrail::BatchLoader& batches;
};
using Look = void(const vitrail::Tensor<vitrail::Shape<vitrail::dyn, 3, 64, 64>, vitrail::Cpu, float>&, const vitrail::CosineSchedule&,
                  const vitrail::LoadReport&);
static_assert(sizeof(Holder) == 4 * sizeof(void*) && sizeof(Look*) > 0);

}  // namespace

#include "vitrail/vitrail.hpp"
#if __has_include(<nlohmann/json.hpp>)
#include "vitrail/io.hpp"
#endif
