// Laws of masks and splits: exact counts, partitions, uniformity, the block generator's promises.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <type_traits>
#include <vector>

#include "vitrail/core/ratio.hpp"
#include "vitrail/masking/block_mask.hpp"
#include "vitrail/masking/grid_mask.hpp"
#include "vitrail/masking/mask_policy.hpp"
#include "vitrail/masking/random_mask.hpp"
#include "vitrail/masking/sample.hpp"
#include "vitrail/masking/split.hpp"

using namespace vitrail;

namespace {

template <class M>
struct Drawn {
  std::vector<int> visible = std::vector<int>(M::visible, -1), masked = std::vector<int>(M::masked, -1);
  explicit Drawn(Random& random) { M::draw(random, visible.data(), masked.data()); }
};

template <class S>
struct Branches {
  std::vector<int> a = std::vector<int>(S::visible, -1), b = std::vector<int>(S::visible, -1);
  explicit Branches(Random& random) { S::draw(random, a.data(), b.data()); }
};

bool ascending(const std::vector<int>& list, int tokens) {
  for (std::size_t i = 1; i < list.size(); ++i)
    if (list[i - 1] >= list[i]) return false;
  return list.empty() || (list.front() >= 0 && list.back() < tokens);
}

// Both lists together hold every token once.
bool partition(const std::vector<int>& some, const std::vector<int>& others, int tokens) {
  std::set<int> all(some.begin(), some.end());
  all.insert(others.begin(), others.end());
  return ascending(some, tokens) && ascending(others, tokens) && static_cast<int>(all.size()) == tokens &&
         static_cast<int>(some.size() + others.size()) == tokens;
}

// How often each token of M is visible, over `draws` draws.
template <class M>
std::vector<int> visibility(int draws) {
  std::vector<int> count(M::tokens);
  for (int i = 0; i < draws; ++i) {
    Random random = Random(5).stream(static_cast<std::uint64_t>(i));
    for (const int token : Drawn<M>(random).visible) ++count[static_cast<std::size_t>(token)];
  }
  return count;
}

// Chi-square of `count` against equal expectations, as standard deviations from its mean. Drawing V of N without
// replacement shrinks each count's variance by (1 - V / N); `spread` is that factor.
double chi_square_sigmas(const std::vector<int>& count, double expected, double spread) {
  double sum = 0;
  for (const int c : count) sum += (c - expected) * (c - expected) / (expected * spread);
  const double degrees = static_cast<double>(count.size()) - 1;
  return (sum - degrees) / std::sqrt(2 * degrees);
}

// The share of neighbouring patches that are alike: blocks are what makes this mask different from a random one.
template <class M>
double likeness() {
  int alike = 0, pairs = 0;
  for (std::uint64_t image = 0; image < 200; ++image) {
    Random random = Random(4).stream(image);
    std::vector<bool> hidden(M::tokens);
    for (const int token : Drawn<M>(random).masked) hidden[static_cast<std::size_t>(token)] = true;
    for (std::size_t i = 0; i + 1 < hidden.size(); ++i)
      if (i % 14 != 13) ++pairs, alike += hidden[i] == hidden[i + 1];
  }
  return static_cast<double>(alike) / pairs;
}

}  // namespace

TEST_CASE("shares round to the nearest integer, halves upward") {
  static_assert(share(196, 50) == 98 && share(196, 75) == 147 && share(196, 40) == 78 && share(49, 50) == 25);
  for (int whole = 0; whole < 300; ++whole)
    for (int percent = 0; percent <= 100; ++percent) {
      const double exact = whole * percent / 100.0;
      CHECK(share(whole, percent) == static_cast<int>(std::floor(exact + 0.5)));
    }
  CHECK(share(2'000'000'000, 100) == 2'000'000'000);
}

TEST_CASE_TEMPLATE("a mask has its exact counts, and its two lists hold every token once", M, RandomMask<196, 75>,
                   RandomMask<49, 40>, RandomMask<2, 50>, BlockMask<14, 40>, BlockMask<8, 50>, BlockMask<7, 50>,
                   BlockMask<4, 75>, BlockMask<14, 90>, BeitMask<14>, BeitMask<4>, BeitMask<3, 8>, BlockMask<2, 50>, GridMask<14, 2>, GridMask<7, 3>,
                   GridMask<8, 8>) {
  static_assert(MaskPolicy<M>);
  for (std::uint64_t image = 0; image < 200; ++image) {
    Random random = Random(1).stream(image);
    const Drawn<M> drawn(random);
    REQUIRE(partition(drawn.visible, drawn.masked, M::tokens));
  }
}

TEST_CASE_TEMPLATE("a draw depends on the seed only, and two images differ", M, RandomMask<196, 75>, BlockMask<14, 40>,
                   GridMask<14, 4>) {
  Random one(3), same(3);
  int different = 0;
  std::vector<int> before;
  for (int image = 0; image < 20; ++image) {
    const Drawn<M> a(one), b(same);
    REQUIRE(a.visible == b.visible);
    different += a.visible != before;
    before = a.visible;
  }
  CHECK(different > 15);
}

TEST_CASE("the counts of the paper's settings") {
  static_assert(BlockSplit<14, 50>::visible == 98 && BlockSplit<14, 50>::masked == 98);
  static_assert(RandomSplit<196, 75>::visible == 49 && RandomSplit<196, 75>::masked == 147);
  static_assert(RandomMask<196, 75>::visible == 49);
  static_assert(BeitMask<14>::masked == 75 && BeitMask<14>::rules.min_block == 16 && BeitMask<14>::rules.max_block == 75);
  static_assert(BeitMask<8>::masked == 24 && BeitMask<14, 98>::rules.max_block == 98);
  static_assert(BlockMask<14, 50>::rules.min_block == 16 && BlockMask<14, 50>::rules.max_block == 75);
  static_assert(BlockMask<8, 50>::rules.min_block == 5 && BlockMask<8, 50>::rules.max_block == 24);
  static_assert(GridMask<14, 2>::visible == 49);
  static_assert(!MaskPolicy<int> && !SplitPolicy<RandomMask<3, 34>>);
}

TEST_CASE("random masks show every token equally often") {
  const int draws = 20'000;
  const double expected = draws * 16 / 64.0;
  CHECK(std::abs(chi_square_sigmas(visibility<RandomMask<64, 75>>(draws), expected, 0.75)) < 4);
}

TEST_CASE("random masks show every pair of tokens equally often") {
  std::vector<int> pairs;
  std::vector<int> count(12 * 12);
  const int draws = 30'000;
  Random random(11);
  for (int i = 0; i < draws; ++i) {
    const Drawn<RandomMask<12, 75>> drawn(random);
    for (std::size_t p = 0; p < 3; ++p)
      for (std::size_t q = p + 1; q < 3; ++q)
        ++count[static_cast<std::size_t>(drawn.visible[p] * 12 + drawn.visible[q])];
  }
  for (int p = 0; p < 12; ++p)
    for (int q = p + 1; q < 12; ++q) pairs.push_back(count[static_cast<std::size_t>(p * 12 + q)]);
  const double expected = draws * 3 / 66.0;
  for (const int c : pairs) CHECK(std::abs(c - expected) < 5 * std::sqrt(expected));
}

TEST_CASE("a lattice is regular, and shows every patch equally often where the step divides the grid") {
  Random random(2);
  const Drawn<GridMask<14, 4>> drawn(random);
  for (std::size_t i = 0; i < 9; ++i) {
    CHECK(drawn.visible[i] / 14 == drawn.visible[0] / 14 + 4 * static_cast<int>(i / 3));
    CHECK(drawn.visible[i] % 14 == drawn.visible[0] % 14 + 4 * static_cast<int>(i % 3));
  }
  for (const int c : visibility<GridMask<8, 2>>(4000)) CHECK(std::abs(c - 1000) < 150);
}

TEST_CASE("every block fits the grid, and the generator never masks more than its target") {
  for (const BlockRules rules : {BlockRules{14, 98, 16, 75}, BlockRules{14, 75, 16, 75}, BlockRules{8, 32, 5, 24},
                                 BlockRules{14, 1, 16, 75}, BlockRules{3, 4, 1, 3}}) {
    double shortfall = 0;
    int largest = 0;
    const int draws = 1000;
    for (std::uint64_t image = 0; image < draws; ++image) {
      Random random = Random(7).stream(image);
      bool masked[196] = {}, again[196] = {};
      const int count = draw_blocks(rules, random, masked, [&](const PatchBlock& block) {
        REQUIRE((block.height >= 1 && block.height < rules.grid && block.width >= 1 && block.width < rules.grid));
        REQUIRE((block.top >= 0 && block.top + block.height <= rules.grid));
        REQUIRE((block.left >= 0 && block.left + block.width <= rules.grid));
        int added = 0;
        for (int row = block.top; row < block.top + block.height; ++row)
          for (int column = block.left; column < block.left + block.width; ++column) {
            added += !again[row * rules.grid + column];
            again[row * rules.grid + column] = true;
          }
        largest = std::max(largest, added);
        REQUIRE((added > 0 && added <= rules.max_block));
      });
      REQUIRE(count <= rules.target);
      REQUIRE(count == std::count(masked, masked + 196, true));
      REQUIRE(std::equal(masked, masked + 196, again));
      shortfall += rules.target - count;
    }
    MESSAGE("blocks on " << rules.grid << " x " << rules.grid << ", target " << rules.target << ": mean shortfall "
                         << shortfall / draws << " patches, largest addition " << largest);
    CHECK(shortfall / draws < 0.1 * rules.target + 1);
  }
}

TEST_CASE("the first block has at least the smallest area, but for rounding") {
  const BlockRules rules{14, 98, 16, 75};
  double smallest = 1e9, largest = 0;
  for (std::uint64_t image = 0; image < 2000; ++image) {
    Random random = Random(9).stream(image);
    bool masked[196] = {}, first = true;
    draw_blocks(rules, random, masked, [&](const PatchBlock& block) {
      const double area = block.height * block.width;
      if (first) smallest = std::min(smallest, area), largest = std::max(largest, area);
      first = false;
    });
  }
  CHECK(smallest >= 12);  // 16 before its sides are rounded: 2 x 7, 4 x 4, 3 x 5
  CHECK(smallest <= 18);
  CHECK(largest <= 75);
  CHECK(largest >= 68);
}

TEST_CASE("block masks are made of blocks, random masks are not") {
  CHECK(likeness<BlockMask<14, 50>>() > 0.8);
  CHECK(likeness<BeitMask<14>>() > 0.8);
  CHECK(likeness<RandomMask<196, 50>>() == doctest::Approx(97.0 / 195).epsilon(0.03));
}

TEST_CASE_TEMPLATE("the branches of a split are disjoint, equally long and ascending", S, BlockSplit<14, 50>,
                   BlockSplit<8>, BlockSplit<7>, BlockSplit<2>, RandomSplit<196, 50>, RandomSplit<196, 75>,
                   RandomSplit<49, 50>, RandomSplit<144, 75>, RandomSplit<3, 60>) {
  static_assert(SplitPolicy<S>);
  Random random(13), same(13);
  for (int image = 0; image < 200; ++image) {
    const Branches<S> drawn(random), twin(same);
    REQUIRE((drawn.a == twin.a && drawn.b == twin.b));
    REQUIRE((ascending(drawn.a, S::tokens) && ascending(drawn.b, S::tokens)));
    std::vector<int> both;
    std::set_intersection(drawn.a.begin(), drawn.a.end(), drawn.b.begin(), drawn.b.end(), std::back_inserter(both));
    REQUIRE(both.empty());
    std::vector<int> rest(S::masked, -1);
    masked_of<S>(drawn.a.data(), rest.data());
    REQUIRE(partition(drawn.a, rest, S::tokens));
    REQUIRE(std::includes(rest.begin(), rest.end(), drawn.b.begin(), drawn.b.end()));
  }
}

TEST_CASE_TEMPLATE("nothing tells branch A from branch B", S, BlockSplit<14, 50>, BlockSplit<7>, RandomSplit<64, 75>) {
  // Token by token, and by how compact a set is, A and B must look alike: a block and its complement do not.
  const int draws = 6000;
  std::vector<int> in_a(S::tokens), in_b(S::tokens);
  int a_has_the_corner_more = 0, corners = 0;
  for (std::uint64_t image = 0; image < draws; ++image) {
    Random random = Random(21).stream(image);
    const Branches<S> drawn(random);
    for (const int token : drawn.a) ++in_a[static_cast<std::size_t>(token)];
    for (const int token : drawn.b) ++in_b[static_cast<std::size_t>(token)];
    if (drawn.a.front() == 0 || drawn.b.front() == 0) ++corners, a_has_the_corner_more += drawn.a.front() == 0;
  }
  for (std::size_t token = 0; token < in_a.size(); ++token)
    CHECK(std::abs(in_a[token] - in_b[token]) < 5 * std::sqrt(static_cast<double>(in_a[token] + in_b[token])));
  CHECK(std::abs(a_has_the_corner_more - corners / 2.0) < 2.5 * std::sqrt(static_cast<double>(corners)));
}

TEST_CASE("a random split is uniform in both branches") {
  std::vector<int> a(64), b(64);
  const int draws = 20'000;
  Random random(31);
  for (int i = 0; i < draws; ++i) {
    const Branches<RandomSplit<64, 75>> drawn(random);
    for (const int token : drawn.a) ++a[static_cast<std::size_t>(token)];
    for (const int token : drawn.b) ++b[static_cast<std::size_t>(token)];
  }
  CHECK(std::abs(chi_square_sigmas(a, draws / 4.0, 0.75)) < 4);
  CHECK(std::abs(chi_square_sigmas(b, draws / 4.0, 0.75)) < 4);
}

namespace {
// A policy of 4 tokens that always draws the same, right or wrong.
template <int A, int B, int C, int D> struct Always {
  static constexpr int tokens = 4, visible = 2, masked = 2;
  static constexpr void draw(Random&, int* visible_out, int* masked_out) {
    visible_out[0] = A, visible_out[1] = B, masked_out[0] = C, masked_out[1] = D;
  }
};
template <class Mask> std::string said_of_a_draw() {
  Sampler sampler{Random{1}};
  try {
    sample<Mask>(sampler, 3);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}
}  // namespace

TEST_CASE("what a policy draws is looked at before a kernel trusts it") {
  CHECK(said_of_a_draw<Always<0, 3, 1, 2>>() == "");
  CHECK(said_of_a_draw<Always<0, 3, 1, 400000>>() ==
        "mask: draw() of this policy must write two ascending lists of indices in 0 .. 3, none of them in both; found 400000, which is not among these");
  CHECK(said_of_a_draw<Always<-1, 3, 1, 2>>().find("found -1, which is not among these") != std::string::npos);
  CHECK(said_of_a_draw<Always<3, 0, 1, 2>>().find("found 0, which is not larger than the one before it") != std::string::npos);
  CHECK(said_of_a_draw<Always<0, 3, 2, 2>>().find("found 2, which is not larger") != std::string::npos);
  CHECK(said_of_a_draw<Always<0, 2, 1, 2>>().find("found 2, which is in both lists") != std::string::npos);
}

TEST_CASE("random masks can be drawn by the compiler") {
  constexpr bool right = [] {
    Random random(1);
    int visible[4] = {}, masked[12] = {};
    RandomMask<16, 75>::draw(random, visible, masked);
    int sum = 0;
    for (const int token : visible) sum += token;
    for (const int token : masked) sum += token;
    return sum == 120;
  }();
  static_assert(right);
}
