// How evenly a tokenizer uses its words: the entropy is what a model reaches that knows the words' frequencies and
// nothing of the image, so that an inpainting loss means something only below it.
#pragma once
#include "../core/config.hpp"
#include "features.hpp"

namespace vitrail {

struct TokenUsage {
  std::int64_t patches = 0;          // looked at
  std::vector<std::int64_t> counts;  // (vocabulary): how often each word came
  double entropy = 0;                // of the words' frequencies, nats; at most ln(vocabulary)
  int used = 0;                      // words that came at all

  double perplexity() const { return std::exp(entropy); }  // as many words, used evenly, would be as hard to guess
};

namespace detail {
VITRAIL_FUNCTION void summarise(TokenUsage& usage);
}  // namespace detail

// One pass of a tokenizer over a set. To compare with a training loss give `views` the training's augmentation (with
// shuffle = false): crops change which words come. Images: the shape (dyn, C, I, I) of what the tokenizer sees.
template <class Images, class T = float, class Device, class Tokenizer>
TokenUsage token_usage(Device& device, const Tokenizer& tokenizer, const ImageSet& set, const LoaderConfig& views) {
  TokenUsage usage;
  usage.counts.resize(static_cast<std::size_t>(Tokenizer::vocabulary));
  evaluate_batches<Images, T>(device, set, views, 0, [&](const Batch&, const auto& images) {
    for (const int word : detail::on_host(tokenizer(images))) ++usage.counts[static_cast<std::size_t>(word)];
  });
  detail::summarise(usage);
  return usage;
}
// The same for an objective that has a tokenizer.
template <class M, class Device, class T>
TokenUsage token_usage(const Model<M, Device, T>& model, const ImageSet& set, const LoaderConfig& views) {
  return token_usage<typename M::images_shape, T>(model.device(), model->tokenizer, set, views);
}

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/token_entropy.hpp"
#endif
