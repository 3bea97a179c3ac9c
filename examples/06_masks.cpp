// Which patches a model sees is drawn on the host, before the step, as plain integers. A policy is a struct with counts and a
// draw(): counts are constants, so that every sequence of a batch has the same length and nothing is padded.
#include <iostream>
#include <string>

#include <vitrail/masking/block_mask.hpp>
#include <vitrail/masking/grid_mask.hpp>
#include <vitrail/masking/random_mask.hpp>
#include <vitrail/masking/sample.hpp>
#include <vitrail/masking/split.hpp>

using namespace vitrail;

constexpr int grid = 14;  // patches per side

// A policy of one's own: hides a band of whole rows, at a random height. This is all; nothing is registered.
template <int Grid, int Rows> struct BandMask {
  static constexpr int tokens = Grid * Grid, masked = Rows * Grid, visible = tokens - masked;

  static constexpr void draw(Random& random, int* visible_out, int* masked_out) {
    const int top = random.below(Grid - Rows + 1);
    for (int i = 0; i < masked; ++i) masked_out[i] = top * Grid + i;
    complement<tokens, masked>(masked_out, visible_out);
  }
};
static_assert(MaskPolicy<BandMask<grid, 5>>);
static_assert(RandomMask<196, 75>::visible == 49 && BlockMask<grid, 40>::masked == 78 && GridMask<grid, 2>::visible == 49);
// RandomMask<4, 95> would hide everything; the compiler says: "mask: this share of the tokens leaves nothing visible"

// Draws the masks of two images, side by side: # is seen, . is hidden. Returns whether every patch is one or the other.
template <MaskPolicy Mask> bool show(const char* name) {
  Sampler sampler{Random{17}};
  const MaskDraw<Mask> part = sample<Mask>(sampler, 2);
  std::string picture[2];
  bool right = true;
  for (int b = 0; b < 2; ++b) {
    picture[b].assign(Mask::tokens, '?');
    for (int i = 0; i < Mask::visible; ++i) picture[b][static_cast<std::size_t>(part.visible.row(b)[i])] = '#';
    for (int i = 0; i < Mask::masked; ++i) picture[b][static_cast<std::size_t>(part.masked.row(b)[i])] = '.';
    right = right && picture[b].find('?') == std::string::npos;
  }
  std::cout << name << ": sees " << Mask::visible << " of " << Mask::tokens << "\n";
  for (std::size_t row = 0; row < grid; ++row)
    std::cout << "  " << picture[0].substr(row * grid, grid) << "   " << picture[1].substr(row * grid, grid) << "\n";
  return right;
}

int main() {
  bool right = show<RandomMask<grid * grid, 75>>("RandomMask, 75 %");
  right &= show<BlockMask<grid, 40>>("BlockMask, 40 %");
  right &= show<GridMask<grid, 2>>("GridMask, every second");
  right &= show<BandMask<grid, 5>>("BandMask, outside the library");

  // A split gives two branches of one image disjoint parts: what SplitMask learns from.
  using Split = BlockSplit<grid, 50>;
  int a[Split::visible], b[Split::visible];
  Random random{4};
  Split::draw(random, a, b);
  std::string picture(Split::tokens, '.');
  for (int i = 0; i < Split::visible; ++i) {
    right = right && picture[static_cast<std::size_t>(a[i])] == '.' && picture[static_cast<std::size_t>(b[i])] == '.';
    picture[static_cast<std::size_t>(a[i])] = 'A', picture[static_cast<std::size_t>(b[i])] = 'B';
  }
  std::cout << "BlockSplit, 50 %: branches A and B see " << Split::visible << " each\n";
  for (std::size_t row = 0; row < grid; ++row) std::cout << "  " << picture.substr(row * grid, grid) << "\n";
  return right ? 0 : 1;
}
