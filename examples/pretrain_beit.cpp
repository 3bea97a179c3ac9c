// Pre-trains a Vision Transformer with BEiT: hides blocks of patches and predicts the words that a tokenizer makes of them. See pretrain.cpp.
#include <vitrail/objectives/beit.hpp>

#include "support/pretraining.hpp"

namespace {

struct BeitMethod {
  static constexpr const char* title = "BEiT";
  template <class P> using Pretext = vitrail::Beit<typename P::Encoder, vitrail::BeitMask<P::config.grid()>, typename P::Tokenizer>;
  static constexpr std::array terms{Term{"loss", "prediction", "nats", true}};

  void declare(vitrail::Settings&) {}
  template <class Objective> void set(Objective&, std::int64_t) const {}
};

}  // namespace

int main(int argc, char** argv) { return pretraining::pretrain<BeitMethod>("pretrain_beit", argc, argv); }
