// What ops accept and refuse, asked of the compiler: every line here is a test that has passed when the file compiles.
#include "vitrail/backends/cpu.hpp"
#include "vitrail/masking/grid_mask.hpp"
#include "vitrail/masking/random_mask.hpp"
#include "vitrail/masking/split.hpp"
#include "vitrail/nn/ema.hpp"
#include "vitrail/ops/attention.hpp"
#include "vitrail/ops/channels.hpp"
#include "vitrail/ops/conv2d.hpp"
#include "vitrail/ops/cross_entropy.hpp"
#include "vitrail/ops/info_nce.hpp"
#include "vitrail/ops/layer_norm.hpp"
#include "vitrail/ops/linear.hpp"
#include "vitrail/ops/matmul.hpp"
#include "vitrail/ops/normalize.hpp"
#include "vitrail/ops/patchify.hpp"
#include "vitrail/ops/squared_error.hpp"
#include "vitrail/ops/tokens.hpp"
#include "vitrail/vit/vit.hpp"

namespace vitrail {
namespace {

template <auto... E> using X = Var<Shape<E...>, Cpu, float>;         // on a tape
template <auto... E> using Plain = Tensor<Shape<E...>, Cpu, float>;  // numbers only
template <int N> using Ids = Tensor<Shape<dyn, N>, Cpu, int>;
template <auto... E> using P = Parameter<Shape<E...>>;

// --- shapes: extents are ints, or dyn in front ---
template <auto... E> concept Shapely = requires { sizeof(Shape<E...>); };
static_assert(Shapely<dyn, 4, 5> && Shapely<4, 5> && Shapely<> && Shapely<dyn>);
static_assert(!Shapely<4l, 5> && !Shapely<4u> && !Shapely<'a'>);

// --- linear: the last axis must be as wide as the weight expects ---
template <class A, class W, class B> concept LinearTakes = requires(A x, W w, B b) { linear(x, w, b); };
template <class A, class W, class B, class R> concept LinearAdds = requires(A x, W w, B b, R r) { linear(x, w, b, r); };
static_assert(LinearTakes<X<dyn, 7, 192>, P<64, 192>, P<64>> && LinearTakes<Plain<dyn, 192>, P<64, 192>, P<64>>);
static_assert(!LinearTakes<X<dyn, 7, 191>, P<64, 192>, P<64>> && !LinearTakes<X<dyn, 7, 64>, P<64, 192>, P<64>>);
static_assert(!LinearTakes<X<dyn, 7, 192>, P<64, 192>, P<192>>);
static_assert(LinearAdds<X<dyn, 7, 192>, P<64, 192>, P<64>, X<dyn, 7, 64>>);
static_assert(!LinearAdds<X<dyn, 7, 192>, P<64, 192>, P<64>, X<dyn, 8, 64>>);
static_assert(!LinearAdds<X<dyn, 7, 192>, P<64, 192>, P<64>, X<7, 7, 64>>);  // a fixed batch is not a run-time one

// --- a wrong width, and values of two shapes, are refused in a sentence: see compile_fail/ ---
template <class A, class L> concept LayerTakes = requires(A x, const L layer) { layer(x); };
static_assert(LayerTakes<X<dyn, 7, 192>, Linear<192, 64>>);

// --- rows: norm, channels, tables ---
template <class A, int D> concept NormTakes = requires(A x, P<D> p) { layer_norm(x, p, p); };
template <class A, int D> concept ScaleTakes = requires(A x, P<D> p) { scale_channels(x, p); };
template <class A, class T> concept TableTakes = requires(A x, T p) { add_table(x, p); };
static_assert(NormTakes<X<dyn, 7, 192>, 192> && !NormTakes<X<dyn, 7, 192>, 193>);
static_assert(ScaleTakes<X<dyn, 7, 192>, 192> && !ScaleTakes<X<dyn, 7, 192>, 7>);
static_assert(TableTakes<X<dyn, 7, 192>, P<7, 192>> && TableTakes<X<dyn, 7, 192>, P<192>> && !TableTakes<X<dyn, 7, 192>, P<8, 192>>);

// --- two values of one shape ---
template <class A, class B> concept Adds = requires(A a, B b) { add(a, b); };
template <class A, class B> concept DropAdds = requires(A a, B b) { add_dropped(a, b, 0.1); };
template <class A, class B> concept CosineOf = requires(A a, B b) { cosine(a, b); };
template <class A, class B> concept SquaredErrorOf = requires(A a, B b) { squared_error(a, b); };
template <class A, class B> concept SoftCrossEntropyOf = requires(A a, B b) { cross_entropy(a, b); };
static_assert(Adds<X<dyn, 3, 4>, X<dyn, 3, 4>> && Adds<X<dyn, 3, 4>, Plain<dyn, 3, 4>>);
static_assert(!Adds<X<dyn, 3, 4>, X<dyn, 4, 3>> && !Adds<X<dyn, 12>, X<dyn, 3, 4>> && !Adds<X<2, 3, 4>, X<dyn, 3, 4>>);
static_assert(DropAdds<X<dyn, 3, 4>, X<dyn, 3, 4>> && !DropAdds<X<dyn, 3, 4>, X<dyn, 3, 5>>);
static_assert(CosineOf<X<dyn, 108, 192>, Plain<dyn, 108, 192>>);
static_assert(SquaredErrorOf<X<dyn, 5>, X<dyn, 5>>);
static_assert(SoftCrossEntropyOf<X<dyn, 5>, Plain<dyn, 5>>);  // others: see compile_fail/

// --- sequences: ranks and widths ---
template <class A, int N> concept Gathers = requires(A x, Indices<N> i) { gather(x, i); };
template <class A, class B> concept Concats = requires(A a, B b) { concat(a, b); };
template <class A, int First, int Count> concept Slices = requires(A x) { slice_tokens<First, Count>(x); };
template <class A, int First> concept Averages = requires(A x) { mean_tokens<First>(x); };
template <class A, int Parts> concept Unfolds = requires(A x) { unfold<Parts>(x); };
template <class A, int D> concept Prepends = requires(A x, P<D> p) { prepend(x, p, p); };
static_assert(Gathers<X<dyn, 9, 4>, 3> && Gathers<Ids<9>, 3> && !Gathers<X<dyn, 9>, 3> && !Gathers<X<dyn, 9, 4, 2>, 3>);
static_assert(Concats<X<dyn, 1, 4>, X<dyn, 8, 4>> && !Concats<X<dyn, 4>, X<dyn, 8, 4>>);
static_assert(Slices<X<dyn, 9, 4>, 0, 9> && !Slices<X<dyn, 9, 4>, 1, 9> && !Slices<X<dyn, 9, 4>, -1, 2> && !Slices<X<dyn, 9, 4>, 0, 0>);
static_assert(Averages<X<dyn, 9, 4>, 8> && !Averages<X<dyn, 9, 4>, 9> && !Averages<X<dyn, 9>, 0>);
static_assert(Unfolds<X<dyn, 8, 4>, 2> && !Unfolds<X<dyn, 9, 4>, 2>);
static_assert(Prepends<X<dyn, 9, 4>, 4> && !Prepends<X<dyn, 9, 4>, 5>);

// --- products ---
template <class A, int H> concept Attends = requires(A qkv) { attention<H>(qkv); };
template <class A, class B> concept Multiplies = requires(A a, B b) { matmul(a, b); };
template <class A, class B> concept MultipliesTransposed = requires(A a, B b) { matmul_transposed(a, b); };
static_assert(Attends<X<dyn, 9, 576>, 3> && !Attends<X<dyn, 9, 576>, 5> && !Attends<X<dyn, 9, 575>, 1> && !Attends<X<dyn, 576>, 3>);
template <class A, class B> concept AttendsWith = requires(A qkv, B bias) { attention<3>(qkv, bias); };
static_assert(AttendsWith<X<dyn, 9, 576>, X<3, 9, 9>> && AttendsWith<X<dyn, 9, 576>, Plain<3, 9, 9>>);
static_assert(!AttendsWith<X<dyn, 9, 576>, X<3, 9, 8>> && !AttendsWith<X<dyn, 9, 576>, X<9, 9>> && !AttendsWith<X<dyn, 576>, X<3, 9, 9>>);
static_assert(Multiplies<X<dyn, 2, 3>, X<dyn, 3, 5>> && !Multiplies<X<dyn, 3>, X<dyn, 3, 5>>);
static_assert(MultipliesTransposed<X<dyn, 2, 3>, X<dyn, 5, 3>>);

// --- images and words ---
template <class A, int Patch> concept Patchifies = requires(A x) { patchify<Patch>(x); };
template <class A, class C> concept FindsCode = requires(A x, C codes) { nearest_code(x, codes); };
static_assert(Patchifies<Plain<dyn, 3, 32, 32>, 4> && !Patchifies<Plain<dyn, 3, 30, 30>, 4> && !Patchifies<Plain<dyn, 32, 32>, 4>);
static_assert(FindsCode<Plain<dyn, 9, 48>, P<64, 48>> && !FindsCode<Plain<dyn, 9, 48>, P<64, 47>> && !FindsCode<Plain<dyn, 48>, P<64, 48>>);

template <class A, class W, class B> concept Convolves = requires(A x, W w, B b) { conv2d<2, 1>(x, w, b); };
static_assert(Convolves<X<dyn, 3, 32, 31>, P<8, 3, 5, 3>, P<8>> && !Convolves<X<dyn, 3, 32>, P<8, 3, 5, 3>, P<8>>);
static_assert(!Convolves<X<dyn, 3, 32, 31>, P<8, 3, 5, 3>, P<7>>);  // see compile_fail for channels and kernels

// --- losses ---
template <class A> concept Contrasts = requires(A z) { info_nce(z); };
static_assert(Contrasts<X<dyn, 24>> && !Contrasts<X<dyn, 2, 24>>);
template <class L> concept Differentiable = requires(Tape<Cpu>& tape, L loss) { tape.backward(loss); };
static_assert(Differentiable<X<>> && !Differentiable<X<1>> && !Differentiable<Plain<>>);  // a loss is one number, on a tape

// --- what is tracked and what is not, by type ---
static_assert(Tracked<X<dyn, 3>> && !Untracked<X<dyn, 3>> && Value<X<dyn, 3>>);
static_assert(Untracked<Plain<dyn, 3>> && !Tracked<Plain<dyn, 3>> && Value<Plain<dyn, 3>>);
static_assert(std::is_same_v<decltype(detach(X<dyn, 3>{})), Plain<dyn, 3>>);
static_assert(!std::is_convertible_v<X<dyn, 3>, Plain<dyn, 3>>);  // detaching is always visible
static_assert(!std::is_convertible_v<Plain<dyn, 3>, X<dyn, 3>>);
static_assert(std::is_same_v<decltype(add(X<dyn, 3>{}, Plain<dyn, 3>{})), X<dyn, 3>>);
static_assert(std::is_same_v<decltype(add(Plain<dyn, 3>{}, Plain<dyn, 3>{})), Plain<dyn, 3>>);
static_assert(std::is_trivially_copyable_v<X<dyn, 3, 4>> && std::is_trivially_copyable_v<Plain<dyn, 3, 4>> &&
              std::is_trivially_copyable_v<P<3, 4>> && std::is_trivially_copyable_v<Indices<3>>);

// --- policies ---
static_assert(MaskPolicy<RandomMask<64, 75>> && MaskPolicy<GridMask<8, 2>> && MaskPolicy<BlockMask<14, 40>>);
static_assert(SplitPolicy<RandomSplit<64, 75>> && SplitPolicy<BlockSplit<14>> && !SplitPolicy<BlockMask<14, 40>>);
static_assert(!SplitPolicy<RandomMask<64, 75>> && !MaskPolicy<RandomSplit<64, 75>> && !MaskPolicy<BlockSplit<14>>);  // draws of another kind

// --- evaluation and training have the same shapes; features keep the batch ---
constexpr ViTConfig tiny{.image = 32, .patch = 4};
static_assert(std::is_same_v<decltype(std::declval<const ViT<tiny>&>()(X<dyn, 3, 32, 32>{})), X<dyn, 65, 192>>);
static_assert(std::is_same_v<decltype(std::declval<const ViT<tiny>&>()(Plain<dyn, 3, 32, 32>{})), Plain<dyn, 65, 192>>);
static_assert(std::is_same_v<decltype(std::declval<const Ema<ViT<tiny>>&>()(Plain<dyn, 3, 32, 32>{})), Plain<dyn, 65, 192>>);

}  // namespace
}  // namespace vitrail
