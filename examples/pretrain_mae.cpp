// Pre-trains a Vision Transformer as a masked autoencoder: encodes a quarter of the patches and decodes the pixels of the others. See pretrain.cpp.
#include <vitrail/objectives/mae.hpp>

#include "support/pretraining.hpp"

namespace {

struct MaeMethod {
  static constexpr const char* title = "MAE";
  // A decoder of the encoder's width and two blocks: the published one, of 512 and eight, is made for larger encoders.
  template <class P> using Pretext = vitrail::Mae<typename P::Encoder, vitrail::RandomMask<P::config.tokens(), 75>,
                                                  vitrail::DecoderConfig{.dim = P::config.dim, .depth = 2, .heads = P::config.heads}>;
  static constexpr std::array terms{Term{"loss", "reconstruction", "mean squared error"}};

  void declare(vitrail::Settings&) {}
  template <class Objective> void set(Objective&, std::int64_t) const {}
};

}  // namespace

int main(int argc, char** argv) { return pretraining::pretrain<MaeMethod>("pretrain_mae", argc, argv); }
