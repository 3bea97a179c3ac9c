// The targets of masked image modelling: the words of patches that the encoder does not see.
#pragma once
#include "../ops/tokens.hpp"
#include "../tokenizers/tokenizer.hpp"

namespace vitrail {

template <class T> concept TokenizerNamesItsVocabulary = requires { T::vocabulary + 0; };

// images (B, C, I, I), masked (B, M) -> (B, M) integers in 0 .. Tokenizer::vocabulary - 1. N: the encoder's patches.
template <int N, class Tokenizer, int M>
constexpr auto masked_words(const Tokenizer& tokenizer, const Value auto& images, const Indices<M>& masked) {
  const auto words = tokenizer(detach(images));  // (B, N)
  static_assert(SameShape<shape_of<decltype(words)>, Shape<dyn, N>>,
                "a tokenizer must give one word for each of the encoder's patches, (B, N) integers");
  return gather(words, masked);
}

}  // namespace vitrail
