// What every block of an encoder knows: features of all blocks in one pass, and a linear probe on each.
//
// The protocol (the paper gives none for its table 8 and figure 5). As in BEiT's linear evaluation, a probe reads what a block gives,
// before the final normalisation: the class token and the mean of the patches one after the other, or the mean alone where there is no
// class token. Blocks are probed one by one, not averaged; the final normalisation of the last block stands at the end. Images are
// central crops, without augmentation. The probe is `linear_probe`: features scaled by the training set's deviations, one linear layer
// at the minimum of its loss, weight decay chosen on a held-out fifth of the training images. BEiT instead trains by AdamW for 100
// epochs of augmented images, and reports the best layer; choose it by held_out_accuracy, so that test images choose nothing.
#pragma once
#include "linear_probe.hpp"

namespace vitrail {

// One Features for each block, and one for the final normalisation: depth + 1 in all. They take count x dim floats each. Throws as
// extract_features does.
template <class T = float, class Device, class Encoder>
std::vector<Features> extract_layers(Device& device, const Encoder& encoder, const ImageSet& set, const LoaderConfig& views,
                                     Pooling pooling) {
  using Images = typename Encoder::images_shape;
  constexpr int depth = Encoder::config.depth, sequence = Encoder::lead + Encoder::tokens;
  const TokenPool pool(pooling, Encoder::lead, Encoder::config.grid(), Encoder::dim);
  const auto each_layer = [](const auto& from, const auto& images, auto&& look) {
    const auto last = from.transformer.run_blocks(from.with_class_token(from.embed(images)), look);  // (B, lead + N, D)
    look(depth, from.transformer.norm(last));
  };
  const auto values_of = [&](const auto& images) { each_layer(Encoder{}, images, [](int, const auto&) {}); };
  const std::size_t bytes = detail::planned_bytes<Images, T>(std::min(views.batch, set.size()), values_of);
  std::vector<Features> out(static_cast<std::size_t>(depth) + 1);
  for (Features& layer : out) layer.dim = pool.dim();
  int done = 0;
  evaluate_batches<Images, T>(device, set, views, bytes, [&](const Batch& batch, const auto& images) {
    each_layer(encoder, images, [&](int layer, const auto& x) {
      const std::vector<wide<T>> tokens = detail::on_host(x);
      int position = done;
      detail::append_batch(out[static_cast<std::size_t>(layer)], batch, position, [&](int b, std::vector<float>& to) {
        pool(tokens.data() + static_cast<std::ptrdiff_t>(b) * sequence * Encoder::dim, to);
      });
    });
    done += batch.size;
  });
  return out;
}

// The pooling of the protocol above.
template <class Encoder> constexpr Pooling layer_pooling() {
  return {Encoder::lead > 0 ? Readout::class_token_and_mean : Readout::mean};
}

// A probe for each layer, in the order of extract_layers.
template <class Encoder>
std::vector<LinearProbeResult> probe_layers(Cpu& cpu, const Encoder& encoder, const ImageSet& train, const ImageSet& test,
                                            const LoaderConfig& views, const LinearProbeConfig& config = {}) {
  std::vector<Features> fit = extract_layers(cpu, encoder, train, views, layer_pooling<Encoder>());
  std::vector<Features> unseen = extract_layers(cpu, encoder, test, views, layer_pooling<Encoder>());
  std::vector<LinearProbeResult> out;
  for (std::size_t i = 0; i < fit.size(); ++i) out.push_back(linear_probe(cpu, std::move(fit[i]), std::move(unseen[i]), config));
  return out;
}

}  // namespace vitrail
