// What a mask policy is: a small struct that says how many tokens stay visible, and draws which. Host code on integers;
// the counts are static, so that every sequence of a batch has the same length and needs no padding.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <type_traits>

#include "../core/error.hpp"
#include "../core/random.hpp"
#include "../core/ratio.hpp"

namespace vitrail {

// A policy names its counts, tokens = visible + masked, and `draw(random, visible_out, masked_out)`, which writes the
// `visible` and the `masked` token indices of ONE image, each in raster order (ascending). It allocates nothing.
template <class M>
concept MaskPolicy = requires(Random& random, int* out) {
  requires M::tokens == M::visible + M::masked;
  requires M::visible > 0 && M::masked > 0;
  requires !requires { M::branches; };  // a split: its draw means something else
  M::draw(random, out, out);
};

// The rules of a share, stated once in words. `Percent` is the share that is removed.
template <int Tokens, int Percent>
struct SomethingVisible {
  static constexpr bool holds = Tokens - share(Tokens, Percent) > 0;
  static_assert(holds, "mask: this share of the tokens leaves nothing visible");
};
template <int Tokens, int Percent>
struct SomethingMasked {
  static constexpr bool holds = share(Tokens, Percent) > 0;
  static_assert(holds, "mask: this share of the tokens leaves nothing masked");
};

// Writes the indices 0 .. Tokens - 1 that are not among the Count ascending indices `some`, ascending. Without a branch, which no
// processor could guess: every token is written, and stays if the list grows.
template <int Tokens, int Count>
constexpr void complement(const int* some, int* rest) {
  std::array<int, static_cast<std::size_t>(Tokens - Count) + 1> out{};
  std::array<bool, static_cast<std::size_t>(Tokens)> listed{};
  for (int i = 0; i < Count; ++i) listed[static_cast<std::size_t>(some[i])] = true;
  std::size_t size = 0;
  for (int token = 0; token < Tokens; ++token) {
    out[size] = token;
    size += !listed[static_cast<std::size_t>(token)];
  }
  std::copy_n(out.begin(), Tokens - Count, rest);
}

namespace detail {
[[noreturn]] VITRAIL_NOINLINE inline void refuse_drawn(int tokens, int found, const char* why) {
  throw ConfigError("mask: draw() of this policy must write two ascending lists of indices in 0 .. " + std::to_string(tokens - 1) +
                    ", none of them in both; found " + std::to_string(found) + ", which " + why);
}
// What a policy has drawn for an image, which may be a user's: kernels trust these indices. All is looked at before anything is decided,
// for that is faster than to stop early. Never inlined: beside it a draw of 64 tokens takes a quarter of a microsecond longer.
template <int Tokens, int CountA, int CountB> VITRAIL_NOINLINE constexpr void require_drawn(const int* a, const int* b) {
  std::array<char, static_cast<std::size_t>(Tokens)> listed{};
  const auto look = [&]<int Count>(const int* list, std::integral_constant<int, Count>) {
    bool fits = list[0] >= 0 && list[Count - 1] < Tokens;
    for (int i = 1; i < Count; ++i) fits &= list[i] > list[i - 1];
    if (!fits)
      for (int i = 0; i < Count; ++i) {
        if (list[i] < 0 || list[i] >= Tokens) refuse_drawn(Tokens, list[i], "is not among these");
        if (i > 0 && list[i] <= list[i - 1]) refuse_drawn(Tokens, list[i], "is not larger than the one before it");
      }
    for (int i = 0; i < Count; ++i) listed[static_cast<std::size_t>(list[i])] = 1;
  };
  look(a, std::integral_constant<int, CountA>{}), look(b, std::integral_constant<int, CountB>{});
  int all = 0;
  for (const char one : listed) all += one;
  if (all == CountA + CountB) return;
  for (int i = 0, j = 0; i < CountA && j < CountB; a[i] < b[j] ? ++i : ++j)
    if (a[i] == b[j]) refuse_drawn(Tokens, a[i], "is in both lists");
}
}  // namespace detail

// One flag per token, on the stack.
template <int Tokens>
using TokenFlags = std::array<bool, static_cast<std::size_t>(Tokens)>;

// Writes the indices of the raised flags and of the others, ascending.
template <std::size_t Tokens>
constexpr void write_indices(const std::array<bool, Tokens>& flags, int* raised, int* others) {
  for (std::size_t token = 0; token < Tokens; ++token) *(flags[token] ? raised : others)++ = static_cast<int>(token);
}

// Changes exactly `count` of the flags that equal `from`, every such choice being equally likely (selection sampling:
// Knuth, The Art of Computer Programming, volume 2, section 3.4.2, algorithm S). At least `count` flags must equal
// `from`.
template <std::size_t Tokens>
constexpr void change_random(Random& random, std::array<bool, Tokens>& flags, bool from, int count) {
  int left = 0;
  for (const bool flag : flags) left += flag == from;
  for (std::size_t token = 0; token < Tokens && count > 0; ++token) {
    if (flags[token] != from) continue;
    const bool changes = random.below(left--) < count;  // no branch: no processor guesses a coin
    flags[token] = changes != from, count -= changes;
  }
}

}  // namespace vitrail
