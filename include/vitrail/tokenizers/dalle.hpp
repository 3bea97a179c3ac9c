// The encoder of DALL-E's discrete autoencoder as a tokenizer (Ramesh et al., "Zero-shot text-to-image generation", 2021, appendix
// A; BEiT, Bao et al. 2022, section 2.1): a convolutional network whose most likely word per 8 x 8 pixels is the target. Names and
// shapes of its weights are those of OpenAI's release, github.com/openai/DALL-E; docs/how_to/use_the_dalle_tokenizer.md.
#pragma once
#include <array>

#include "../core/dual.hpp"
#include "../ops/arithmetic.hpp"
#include "../ops/conv2d.hpp"
#include "../ops/planes.hpp"
#include "../vit/config.hpp"

namespace vitrail {

// image and patch are those of the encoder that learns from the words; the others, but for tests, those of the release.
struct DalleConfig {
  int image = 224, patch = 16, channels = 3;
  int width = 256, blocks = 2, vocabulary = 8192;  // channels of the first group of blocks; blocks per group

  constexpr int grid() const { return image / patch; }  // words along a side
  constexpr int side() const { return 8 * grid(); }     // pixels of the images that the network sees
  constexpr int tokens() const { return grid() * grid(); }
};

namespace detail {

struct AddScaled {
  double by;
  template <class X> VITRAIL_HD X operator()(const X& a, const X& b) const { return a + X(by) * b; }
};
// The same memory: x is not needed any more.
template <Untracked X> constexpr X relu_in_place(const X& x) {
  run(op::Map<Relu, 1>{x.shape.size(), {}}, x, x);
  return x;
}
// Images first .. first + count - 1 of a batch.
template <auto... E, class D, class T>
constexpr Tensor<Shape<dyn, E...>, D, T> part_of_batch(const Tensor<Shape<dyn, E...>, D, T>& x, int first, int count) {
  using S = Shape<dyn, E...>;
  return {std::is_constant_evaluated() || x.at == nullptr ? nullptr : x.at + first * S::inner, x.arena, S(count)};
}

// A convolution that keeps the size of its images, of odd kernels. (B, In, H, W) -> (B, Out, H, W)
template <int In, int Out, int Kernel> struct DalleConv {
  Parameter<Shape<Out, In, Kernel, Kernel>> w{.init = Init::xavier, .decay = false};
  Parameter<Shape<Out>> b{.decay = false};

  constexpr auto operator()(const Untracked auto& x) const { return conv2d<1, (Kernel - 1) / 2>(x, w, b); }
  constexpr void visit(auto&& f) { f("w", w), f("b", b); }
};

// x + branch(x) / Layers^2, where Layers counts all blocks of the network. (B, In, H, W) -> (B, Out, H, W)
template <int In, int Out, int Layers> struct DalleBlock {
  static_assert(Out % 4 == 0, "DalleConfig: the width must be a multiple of 4");
  static constexpr int hidden = Out / 4;

  DalleConv<In, Out, 1> id_path{};  // only where the widths differ
  DalleConv<In, hidden, 3> conv_1{};
  DalleConv<hidden, hidden, 3> conv_2{}, conv_3{};
  DalleConv<hidden, Out, 1> conv_4{};

  template <Untracked X> constexpr auto operator()(const X& x) const {
    using S = shape_of<X>;
    using Y = Shape<first_extent<S>, Out, S::template extent<2>(), S::template extent<3>()>;
    const auto y = make_tensor<Y, scalar_of<X>>(*x.arena, Y(x.shape.leading()));  // (B, Out, H, W)
    const auto mark = x.arena->mark();
    const auto first = relu_in_place(conv_1(map(Relu{}, x)));
    const auto branch = conv_4(relu_in_place(conv_3(relu_in_place(conv_2(first)))));
    const op::Map<AddScaled, 2> join{y.shape.size(), {1.0 / (Layers * Layers)}};
    if constexpr (In == Out) run(join, y, x, branch);
    else run(join, y, id_path(x), branch);
    x.arena->release(mark);
    return y;
  }
  constexpr void visit(auto&& f) {
    Branch res_path{*this};
    if constexpr (In != Out) f("id_path", id_path);
    f("res_path", res_path);
  }

 private:
  struct Branch {
    DalleBlock& owner;
    constexpr void visit(auto&& f) {
      f("conv_1", owner.conv_1), f("conv_2", owner.conv_2), f("conv_3", owner.conv_3), f("conv_4", owner.conv_4);
    }
  };
};

// Blocks of one width. (B, In, H, W) -> (B, Out, H, W)
template <int In, int Out, int Blocks> struct DalleGroup {
  static constexpr const char* names[4] = {"block_1", "block_2", "block_3", "block_4"};
  static_assert(Blocks >= 1 && Blocks <= 4, "DalleConfig: a group has 1 to 4 blocks");

  DalleBlock<In, Out, 4 * Blocks> first{};
  std::array<DalleBlock<Out, Out, 4 * Blocks>, static_cast<std::size_t>(Blocks - 1)> rest{};

  constexpr auto operator()(const Untracked auto& x) const {
    auto y = first(x);
    for (const auto& block : rest) y = block(y);
    return y;
  }
  // The same, and of each 2 x 2 pixels the largest; only the result stays in memory. -> (B, Out, H / 2, W / 2)
  template <Untracked X> constexpr auto pooled(const X& x) const {
    using S = shape_of<X>;
    using Y = Shape<first_extent<S>, Out, S::template extent<2>() / 2, S::template extent<3>() / 2>;
    const auto y = make_tensor<Y, scalar_of<X>>(*x.arena, Y(x.shape.leading()));
    const auto mark = x.arena->mark();
    run(op::Copy{y.shape.size()}, y, max_pool2d<2>((*this)(x)));
    x.arena->release(mark);
    return y;
  }
  constexpr void visit(auto&& f) {
    f(names[0], first);
    for (std::size_t i = 0; i < rest.size(); ++i) f(names[i + 1], rest[i]);
  }
};

}  // namespace detail

// Fixed: saved with the model, never trained. Fill it by load(path, model->tokenizer), of io/checkpoint.hpp.
template <DalleConfig C>
  requires(PatchDividesImage<C.image, C.patch>::holds)
struct Dalle {
  static constexpr DalleConfig config = C;
  static constexpr int vocabulary = C.vocabulary;
  static constexpr bool frozen = true;

  // How the images were normalised, which is undone: the network sees pixels in 0 .. 1, drawn in to 0.1 .. 0.9 (the eps of the
  // logit-Laplace distribution of the paper's equation 4). ImageNet's statistics, as PixelStatistics; greyscale images have their mean.
  std::array<double, C.channels> mean = per_channel({0.485, 0.456, 0.406});
  std::array<double, C.channels> deviation = per_channel({0.229, 0.224, 0.225});

  // images (B, C, I, I), normalised as the model's input -> words (B, N). Some images at a time, so that memory does not grow with
  // the batch until there are 64.
  template <Untracked X> constexpr auto operator()(const X& images) const {
    using Words = Shape<dyn, C.tokens()>;
    static_assert(SameShape<shape_of<X>, Shape<dyn, C.channels, C.image, C.image>>,
                  "Dalle: the images must have the size and the channels of its config");
    const int batch = images.shape.leading(), at_once = batch > 64 ? (batch + 15) / 16 : 4;
    const auto words = make_tensor<Words, int>(*images.arena, Words(batch));  // (B, N)
    for (int first = 0; first < batch; first += at_once) {
      const int count = first + at_once < batch ? at_once : batch - first;
      const auto mark = images.arena->mark();
      const auto scores = logits(detail::part_of_batch(images, first, count));
      run(op::LargestPlane{count, vocabulary, C.tokens()}, detail::part_of_batch(words, first, count), scores);
      images.arena->release(mark);
    }
    return words;
  }

  // The scores of all words, images (B, C, I, I) -> (B, vocabulary, I / patch, I / patch).
  constexpr auto logits(const Untracked auto& images) const {
    const auto x = input(mapped(resized(images)));                                                     // (B, W, 8 G, 8 G)
    const auto last = group_4(group_3.pooled(group_2.pooled(group_1.pooled(x))));                      // (B, 8 W, G, G)
    return output(detail::relu_in_place(last));
  }

  constexpr void visit(auto&& f) {
    Blocks blocks{*this};
    f("blocks", blocks);
  }

 private:
  static constexpr int W = C.width;
  detail::DalleConv<C.channels, W, 7> input{};
  detail::DalleGroup<W, W, C.blocks> group_1{};
  detail::DalleGroup<W, 2 * W, C.blocks> group_2{};
  detail::DalleGroup<2 * W, 4 * W, C.blocks> group_3{};
  detail::DalleGroup<4 * W, 8 * W, C.blocks> group_4{};
  detail::DalleConv<8 * W, C.vocabulary, 1> output{};

  struct Output {
    Dalle& owner;
    constexpr void visit(auto&& f) { f("conv", owner.output); }
  };
  struct Blocks {
    Dalle& owner;
    constexpr void visit(auto&& f) {
      Output last{owner};
      f("input", owner.input);
      f("group_1", owner.group_1), f("group_2", owner.group_2), f("group_3", owner.group_3), f("group_4", owner.group_4);
      f("output", last);
    }
  };

  static constexpr std::array<double, C.channels> per_channel(const std::array<double, 3>& colours) {
    static_assert(C.channels == 1 || C.channels == 3, "Dalle: images have 1 or 3 channels");
    std::array<double, C.channels> out{};
    for (std::size_t c = 0; c < out.size(); ++c)
      out[c] = C.channels == 3 ? colours[c] : (colours[0] + colours[1] + colours[2]) / 3;
    return out;
  }
  // BEiT resizes the same crop a second time, by Lanczos' filter, so that a patch has 8 x 8 pixels; we resize what the encoder sees.
  constexpr auto resized(const Untracked auto& images) const {
    if constexpr (C.patch == 8) return images;
    else return resize<C.side(), C.side()>(images, ResampleFilter{Interpolation::lanczos});
  }
  constexpr auto mapped(const Untracked auto& images) const {
    constexpr double eps = 0.1, range = 1 - 2 * eps;
    std::array<double, C.channels> by{}, plus{};
    for (std::size_t c = 0; c < by.size(); ++c) by[c] = range * deviation[c], plus[c] = range * mean[c] + eps;
    return affine_planes(images, by, plus, eps, 1 - eps);
  }
};

template <ViTConfig C>
using DalleTokenizer = Dalle<DalleConfig{C.image, C.patch, C.channels}>;

}  // namespace vitrail
