// A tokenizer that gives the words it is told: targets of a test are then known.
#pragma once
#include "vitrail/autograd/var.hpp"

template <int Vocabulary, int Tokens>
struct GivenWords {
  static constexpr int vocabulary = Vocabulary;
  int* words = nullptr;  // (B, Tokens)

  constexpr auto operator()(const vitrail::Untracked auto& images) const {
    using S = vitrail::Shape<vitrail::dyn, Tokens>;
    using D = typename std::remove_cvref_t<decltype(images)>::device_type;
    return vitrail::Tensor<S, D, int>{words, images.arena, S(images.shape.leading())};
  }
  constexpr void visit(auto&&) {}
};
