// Pre-trains a Vision Transformer with the first half of SplitMask: split and inpaint, nothing is matched. See pretrain.cpp.
#include "support/pretraining.hpp"

namespace {

struct InpaintMethod {
  static constexpr const char* title = "SplitMask without matching";
  template <class P> using Pretext = vitrail::SplitInpaint<typename P::Encoder, typename P::Split, typename P::Tokenizer>;
  static constexpr std::array terms{Term{"loss", "inpainting", "nats", true}};

  void declare(vitrail::Settings&) {}
  template <class Objective> void set(Objective&, std::int64_t) const {}
};

}  // namespace

int main(int argc, char** argv) { return pretraining::pretrain<InpaintMethod>("pretrain_split_inpaint", argc, argv); }
