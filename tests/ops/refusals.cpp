// What ops refuse when they run: batches that differ, descriptors without a pair, scalars of another type.
#include "support/ops.hpp"
#include "support/refusal.hpp"
#include "vitrail/ops/attention.hpp"
#include "vitrail/ops/channels.hpp"
#include "vitrail/ops/cross_entropy.hpp"
#include "vitrail/ops/gelu.hpp"
#include "vitrail/ops/info_nce.hpp"
#include "vitrail/ops/layer_norm.hpp"
#include "vitrail/ops/linear.hpp"
#include "vitrail/ops/matmul.hpp"
#include "vitrail/ops/normalize.hpp"
#include "vitrail/ops/patchify.hpp"
#include "vitrail/ops/softmax.hpp"
#include "vitrail/ops/squared_error.hpp"
#include "vitrail/ops/tokens.hpp"

using namespace vitrail;

namespace {

// f must refuse, and name the batches in their order or the other way round.
template <class F> void refuses(F f, int one, int other) {
  const std::string said = refusal<ShapeError>(f), a = std::to_string(one), b = std::to_string(other);
  const bool named = said.find(a + " against " + b) != std::string::npos || said.find(b + " against " + a) != std::string::npos;
  CHECK_MESSAGE(named, said);
}
// f(x, y) with x of one batch and y of another: as tensors, as variables, and one of each.
template <class X, class Y, class F> void refuses_batches(Bench<float>& bench, const X& x, const Y& y, F f) {
  const int one = x.shape.leading(), other = y.shape.leading();
  const auto vx = bench.tape.differentiable_input(x);
  refuses([&] { f(x, y); }, one, other);
  refuses([&] { f(vx, y); }, one, other);
  if constexpr (Value<Y>) {
    if constexpr (!std::is_same_v<scalar_of<Y>, int>) {
      const auto vy = bench.tape.differentiable_input(y);
      refuses([&] { f(x, vy); }, one, other);
      refuses([&] { f(vx, vy); }, one, other);
    }
  }
}

template <class A, class B> concept Multiplies = requires(A a, B b) { matmul(a, b); };
template <class A, class B> concept MultipliesTransposed = requires(A a, B b) { matmul_transposed(a, b); };
template <class A, class B> concept Joins = requires(A a, B b) { concat(a, b); };
template <class A> concept Gathers = requires(A a, Indices<2> i) { gather(a, i); };
template <class A> concept Scatters = requires(A a, Indices<3> i) { scatter<5>(a, i); };
template <class A> concept Completes =
    requires(A a, Indices<3> i, Parameter<Shape<4>> p, Parameter<Shape<5, 4>> places) { complete<0>(a, p, places, i); };
template <class A, class P> concept TakesTable = requires(A a, P p) { add_table(a, p); };
template <auto... E> using X = Tensor<Shape<E...>, Cpu, float>;

// A fixed batch is compared by the compiler: with another fixed one, and never with a run-time one.
static_assert(Multiplies<X<2, 3, 4>, X<2, 4, 5>> && Multiplies<X<dyn, 3, 4>, X<dyn, 4, 5>>);
static_assert(!Multiplies<X<2, 3, 4>, X<3, 4, 5>> && !Multiplies<X<2, 3, 4>, X<dyn, 4, 5>> && !Multiplies<X<dyn, 3, 4>, X<2, 4, 5>>);
static_assert(MultipliesTransposed<X<2, 3, 4>, X<2, 5, 4>> && !MultipliesTransposed<X<2, 3, 4>, X<3, 5, 4>>);
static_assert(Joins<X<2, 3, 4>, X<2, 5, 4>> && !Joins<X<2, 3, 4>, X<3, 5, 4>> && !Joins<X<dyn, 3, 4>, X<1, 5, 4>>);
static_assert(Gathers<X<dyn, 3, 4>> && !Gathers<X<8, 3, 4>> && Scatters<X<dyn, 3, 4>> && !Scatters<X<8, 3, 4>>);
static_assert(Completes<X<dyn, 3, 4>> && !Completes<X<8, 3, 4>>);

// A table has the trailing extents of what it is added to, not only their number.
static_assert(TakesTable<X<dyn, 3, 4>, Parameter<Shape<3, 4>>> && TakesTable<X<dyn, 3, 4>, Parameter<Shape<4>>>);
static_assert(!TakesTable<X<dyn, 3, 4>, Parameter<Shape<12>>> && !TakesTable<X<dyn, 3, 4>, Parameter<Shape<2>>>);
static_assert(!TakesTable<X<dyn, 3, 4>, Parameter<Shape<4, 3>>> && !TakesTable<X<dyn, 4>, Parameter<Shape<1, 4>>>);
static_assert(TakesTable<X<3, 4>, Parameter<Shape<3, 4>>> && !TakesTable<X<4>, Parameter<Shape<3, 4>>>);

}  // namespace

TEST_SUITE_BEGIN("ops");

TEST_CASE("batches of 11 and 5 are refused by every elementwise op, in either order") {
  Bench<float> bench;
  for (const auto& [one, other] : {std::pair{11, 5}, {5, 11}, {0, 5}, {5, 0}}) {
    const auto a = bench.random<dyn, 3, 4>(one), b = bench.random<dyn, 3, 4>(other);
    refuses_batches(bench, a, b, [](const auto& x, const auto& y) { return x + y; });
    refuses_batches(bench, a, b, [](const auto& x, const auto& y) { return x - y; });
    refuses_batches(bench, a, b, [](const auto& x, const auto& y) { return x * y; });
    refuses_batches(bench, a, b, [](const auto& x, const auto& y) { return add(x, y); });
    refuses_batches(bench, a, b, [](const auto& x, const auto& y) { return add_dropped(x, y, 0.5); });
    refuses_batches(bench, a, b, [](const auto& x, const auto& y) { return squared_error(x, y); });
    refuses_batches(bench, a, b, [](const auto& x, const auto& y) { return cosine(x, y); });
    const auto f3 = [](auto p, auto q, auto r) { return p + q * r; };
    const auto f4 = [](auto p, auto q, auto r, auto s) { return p + q * r - s; };
    refuses_batches(bench, a, b, [&](const auto& x, const auto& y) { return map(f3, x, x, y); });
    refuses_batches(bench, a, b, [&](const auto& x, const auto& y) { return map(f3, x, y, x); });
    refuses_batches(bench, a, b, [&](const auto& x, const auto& y) { return map(f4, x, x, x, y); });
    refuses_batches(bench, a, b, [&](const auto& x, const auto& y) { return map(f4, y, x, x, x); });
  }
}
TEST_CASE("batches of 11 and 5 are refused by every op on sequences, in either order") {
  Bench<float> bench;
  Weights<float, Shape<4>, Shape<9, 4>, Shape<4, 4>> weights(bench.device);
  const auto &token = weights.get<0>();
  const auto& places = weights.get<1>();
  const auto& square = weights.get<2>();
  for (const auto& [one, other] : {std::pair{11, 5}, {5, 11}, {0, 5}, {5, 0}}) {
    const auto a = bench.random<dyn, 3, 4>(one), b = bench.random<dyn, 3, 4>(other);
    const auto c = bench.random<dyn, 4, 3>(other);
    const auto index = bench.indices<3>(other, 3);
    const Tensor<Shape<dyn, 3>, Cpu, int> ids{bench.indices<3>(one, 3).at, &bench.memory, Shape<dyn, 3>(one)};
    refuses_batches(bench, a, b, [](const auto& x, const auto& y) { return concat(x, y); });
    refuses_batches(bench, a, b, [](const auto& x, const auto& y) { return matmul_transposed(x, y); });
    refuses_batches(bench, a, c, [](const auto& x, const auto& y) { return matmul(x, y); });
    refuses_batches(bench, a, b, [&](const auto& x, const auto& y) { return linear(x, square, token, y); });
    refuses_batches(bench, a, index, [](const auto& x, const auto& y) { return gather(x, y); });
    refuses_batches(bench, a, index, [](const auto& x, const auto& y) { return scatter<9>(x, y); });
    refuses_batches(bench, a, index, [&](const auto& x, const auto& y) { return complete<0>(x, token, places, y); });
    refuses_batches(bench, a, index, [&](const auto& x, const auto& y) { return add_places(x, places, y); });
    refuses([&] { gather(ids, index); }, one, other);
  }
}
TEST_CASE("batches of 11 and 5 are refused by losses with targets, in either order") {
  Bench<float> bench;
  for (const auto& [one, other] : {std::pair{11, 5}, {5, 11}, {0, 5}, {5, 0}}) {
    const auto a = bench.random<dyn, 3, 4>(one), b = bench.random<dyn, 3, 4>(other);
    const auto index = bench.indices<3>(other, 4);
    const Tensor<Shape<dyn, 3>, Cpu, int> ids{index.at, &bench.memory, index.shape};
    refuses_batches(bench, a, ids, [](const auto& x, const auto& y) { return cross_entropy(x, y); });
    refuses_batches(bench, a, index, [](const auto& x, const auto& y) { return cross_entropy(x, y); });
    refuses([&] { cross_entropy(a, b); }, one, other);
    refuses([&] { cross_entropy(bench.tape.differentiable_input(a), b); }, one, other);
    const auto rows = bench.random<dyn, 4>(one);
    const auto column = bench.indices<1>(other, 4);
    refuses([&] { cross_entropy(rows, column); }, one, other);
    refuses([&, own = bench.indices<1>(one, 4)] { cross_entropy(rows, own, column, TargetMix{}); }, one, other);
  }
}
TEST_CASE("a refused op leaves the step as it was: what follows computes and differentiates") {
  Bench<double> bench;
  const auto x = bench.tape.differentiable_input(bench.random<dyn, 3>(2));
  const auto y = x * x;
  const auto other = bench.random<dyn, 3>(4);
  CHECK_THROWS_AS(y + other, ShapeError);
  bench.tape.backward(sum(y));
  for (int i = 0; i < 6; ++i) CHECK(x.grad()[i] == 2 * x.data()[i]);
}
TEST_CASE("info_nce refuses a descriptor without a pair") {
  Bench<float> bench;
  CHECK(refusal<ShapeError>([&] { info_nce(bench.random<dyn, 4>(7)); }).find("found 7; give the descriptors of both views") != std::string::npos);
  CHECK(refusal<ShapeError>([&] { info_nce(bench.tape.differentiable_input(bench.random<dyn, 4>(1))); }).find("found 1") != std::string::npos);
  CHECK(refusal<ShapeError>([&] { info_nce(bench.random<dyn, 4>(5), bench.random<dyn, 4>(5), 0.2); }).find("found 5; give") != std::string::npos);
  CHECK(refusal<ShapeError>([&] { info_nce(bench.random<dyn, 4>(6)); }) == "");
}
TEST_CASE("parameters of another scalar than the input's are refused by every op that has some") {
  Bench<float> bench;
  Weights<double, Shape<4>, Shape<4>, Shape<4, 4>, Shape<9, 4>, Shape<3, 4>> weights(bench.device);
  const auto &p = weights.get<0>(), &q = weights.get<1>();
  const auto& square = weights.get<2>();
  const auto& places = weights.get<3>();
  const auto& table = weights.get<4>();
  const auto x = bench.random<dyn, 3, 4>(2);
  const auto seen = bench.indices<3>(2, 9);
  const auto refused = [&](auto f) {
    CHECK(refusal<ShapeError>([&] { f(x); }).find("give the model and its input the same scalar") != std::string::npos);
    CHECK(refusal<ShapeError>([&] { f(bench.tape.input(x)); }).find("give the model and its input the same scalar") != std::string::npos);
  };
  refused([&](const auto& v) { return linear(v, square, p); });
  refused([&](const auto& v) { return linear(v, square, p, v); });
  refused([&](const auto& v) { return layer_norm(v, p, q); });
  refused([&](const auto& v) { return add_table(v, table); });
  refused([&](const auto& v) { return scale_channels(v, p); });
  refused([&](const auto& v) { return prepend(v, p, q); });
  refused([&](const auto& v) { return complete<0>(v, p, places, seen); });
  refused([&](const auto& v) { return nearest_code(v, square); });
}
TEST_CASE("a view keeps the number of elements") {
  Bench<float> bench;
  const auto x = bench.random<dyn, 3, 4>(2);
  CHECK(refusal<ShapeError>([&] { view(x, Shape<dyn, 5>(5)); }) ==
        "view: (2, 3, 4) cannot be seen as (5, 5); the number of elements must stay");
  CHECK(numbers(view(x, Shape<dyn, 6>(4))) == numbers(x));
}

TEST_SUITE_END();
