// What an op is made of: fresh() makes its result, run() is the only door to a kernel, sink() says where gradients go.
#pragma once
#include "../tensor/sampler.hpp"
#include "parameter.hpp"
#include "tape.hpp"

namespace vitrail {

// --- gradients ---------------------------------------------------------------------------------------------------------
template <Value X> constexpr Sink<scalar_of<X>> sink(const X& x) {
  if constexpr (Tracked<X>) return x.tape->template sink<scalar_of<X>>(x.slot);
  else return {};
}
// The same where T is named, as for a parameter: an op may take either.
template <class T, Value X> constexpr Sink<T> sink(const X& x) { return sink(x); }
// May write over y's gradient, which the caller has read before.
template <Value X, Tracked Y> constexpr Sink<scalar_of<Y>> sink_in_place(const X& x, const Y& y) {
  static_assert(std::is_same_v<scalar_of<X>, scalar_of<Y>>, "a gradient may be written over another one of the same scalar");
  if constexpr (Tracked<X>) return y.tape->template sink_in_place<scalar_of<X>>(y.slot, x.slot);
  else return {};
}
template <class X> constexpr bool wants_gradient(const X& x) {
  if constexpr (Value<X>) {
    if constexpr (Tracked<X>) return x.slot != nullptr;
    else return false;
  } else if constexpr (is_parameter<X>) {
    return x.trained;
  } else {
    return false;
  }
}

// --- run-time extents --------------------------------------------------------------------------------------------------
namespace detail {
template <class X> constexpr void compare_batch(int& batch, const X& x) {
  if constexpr (requires { x.shape.batch; }) {
    if (batch >= 0 && x.shape.batch != batch) refuse_batches(batch, x.shape.batch);
    batch = x.shape.batch;
  }
}
template <class S> inline constexpr int extents_of[] = {0};
template <int... E> inline constexpr int extents_of<Shape<E...>>[] = {E..., 0};
// What a kernel sees of an argument: pointers and numbers. Indices lie with the host that drew them; a device that cannot read
// there has them copied. A parameter that nobody has given a home (no visit() lists it, or its module is in no Model) is refused; a plan
// goes on, and remembers it.
template <class T, class D, class A> constexpr auto plain([[maybe_unused]] D& device, const A& a, [[maybe_unused]] const char* op) {
  if constexpr (is_parameter<A>) {
    using S = shape_of<A>;
    if (a.home == nullptr) {
      if constexpr (D::has_memory) refuse_parameter_missing_from_visit(op, extents_of<S>, S::rank);
      else if constexpr (requires { device.homeless; }) device.homeless = {op, extents_of<S>, S::rank};
    }
    return static_cast<const T*>(weights<T>(a));
  } else if constexpr (Value<A>) return a.data();
  else if constexpr (requires { a.at; a.shape; device.resident(a.at, a.shape.size()); }) return device.resident(a.at, a.shape.size());
  else if constexpr (requires { a.at; a.shape; }) return static_cast<const int*>(a.at);
  else return a;  // a sink, scratch, a number
}
template <class X> inline constexpr bool holds_indices = false;
template <int N> inline constexpr bool holds_indices<Indices<N>> = true;
template <class S, class D> inline constexpr bool holds_indices<Tensor<S, D, int>> = true;

// The scalar of an op's parameters: that of its first value that does not hold integers; but bfloat16 if any value does, for some of them
// are wide.
template <class X, class... Xs> constexpr auto* scalar_among() {
  if constexpr (Value<X>) {
    if constexpr (!std::is_same_v<scalar_of<X>, int>) return static_cast<scalar_of<X>*>(nullptr);
    else if constexpr (sizeof...(Xs) > 0) return scalar_among<Xs...>();
    else return static_cast<int*>(nullptr);
  } else if constexpr (sizeof...(Xs) > 0) {
    return scalar_among<Xs...>();
  } else {
    return static_cast<int*>(nullptr);
  }
}
template <class X> inline constexpr bool is_narrow = false;
template <class S, class D> inline constexpr bool is_narrow<Tensor<S, D, bfloat16>> = true;
template <class S, class D> inline constexpr bool is_narrow<Var<S, D, bfloat16>> = true;
template <class T, class... A> using narrowest = std::conditional_t<(is_narrow<A> || ...), bfloat16, T>;

template <class D, class Op, class A> constexpr void check_indices(const D& device, const Op& op, const A& a) {
  if constexpr (holds_indices<A> && requires { op.index_limit(); device.check_index(Op::name, a.at, 1, 1); })
    device.check_index(Op::name, a.at, a.shape.size(), op.index_limit());
}

// f(first number, how many, how often each is moved) for what an argument holds; nothing for plain numbers, and for null.
template <class T, class A, class F> constexpr void look(const A& a, F f) {
  if constexpr (is_parameter<A>) {
    if (const T* at = weights<T>(a)) f(at, shape_of<A>::inner, 1);
  } else if constexpr (is_sink<A>) {
    if (!a.skipped()) f(a.to, a.count, a.mode == Write::add ? 2 : 1);
  } else if constexpr (requires { a.shape.size(); }) {
    if constexpr (Value<A>) {
      if (a.data() != nullptr) f(a.data(), a.shape.size(), 1);
    } else {
      f(a.at, a.shape.size(), 1);
    }
  }
}
// A device that counts bytes (Timed) hears of all that a kernel names, each once, and of gradients that are added to twice.
template <class T, class Op, class D, class... A> constexpr void count_bytes([[maybe_unused]] D& device, const A&... a) {
  if constexpr (requires { device.moves(std::int64_t{}); }) {
    std::int64_t bytes = 0;
    (look<T>(a, [&](auto* at, std::int64_t count, int times) { bytes += times * count * static_cast<std::int64_t>(sizeof *at); }), ...);
    device.moves(bytes);
  }
}
// A device that looks for NaN (Checked) sees what goes into a kernel, and what comes out.
template <class T, class Op, class D, class... A> constexpr void check_inputs([[maybe_unused]] const D& device, const A&... a) {
  if constexpr (requires(const T* at) { device.check_input(Op::name, at, 1); })
    (look<T>(a, [&](auto* at, std::int64_t count, int) { device.check_input(Op::name, at, count); }), ...);
}
template <class T, class Op, class D, class... A>
constexpr void check_results([[maybe_unused]] const D& device, [[maybe_unused]] bool backward, const A&... a) {
  if constexpr (requires(const T* at) { device.check_result(Op::name, backward, at, 1); })
    (look<T>(a, [&](auto* at, std::int64_t count, int) { device.check_result(Op::name, backward, at, count); }), ...);
}
}  // namespace detail

// The batch that all inputs of an op share; 0 if none has a run-time extent. Throws ShapeError naming both numbers.
template <class... X> constexpr int common_batch(const X&... xs) {
  int batch = -1;
  (detail::compare_batch(batch, xs), ...);
  return batch < 0 ? 0 : batch;
}

// --- results -----------------------------------------------------------------------------------------------------------
template <class X, class... Xs> constexpr auto* tape_of(const X& x, const Xs&... xs) {
  if constexpr (Tracked<X>) return x.tape;
  else return tape_of(xs...);
}
namespace detail {
template <class T, class S, class X, class... Xs> constexpr auto result_of(S shape, const X& x, const Xs&... xs) {
  if constexpr ((Tracked<X> || ... || Tracked<Xs>))
    return tape_of(x, xs...)->template value<T>(shape, (wants_gradient(x) || ... || wants_gradient(xs)));
  else
    return make_tensor<S, T>(*x.arena, shape);
}
}  // namespace detail

// The only ways for an op to make its result: a Var if any input is one, else a Tensor, of the first input's scalar. Name every input and
// parameter of the op. The first input must be a value.
template <class S, Value X, class... Xs> constexpr auto fresh_as(S shape, const X& x, const Xs&... xs) {
  return detail::result_of<scalar_of<X>>(shape, x, xs...);
}
template <class S, Value X, class... Xs> constexpr auto fresh(const X& x, const Xs&... xs) {
  return detail::result_of<scalar_of<X>>(S(common_batch(x, xs...)), x, xs...);
}
// The same for what many numbers are summed to: a loss, a mean.
template <class S, Value X, class... Xs> constexpr auto fresh_wide(const X& x, const Xs&... xs) {
  return detail::result_of<wide<scalar_of<X>>>(S(common_batch(x, xs...)), x, xs...);
}
// Memory that an op keeps for its backward and that is no result: statistics, probabilities.
template <class S, class T, Value X> constexpr auto saved_as(const X& x) {
  const auto plain = detach(x);
  return make_tensor<S, T>(*plain.arena, S(common_batch(x)));
}
template <class S, Value X> constexpr auto saved(const X& x) {
  const auto plain = detach(x);
  return make_tensor<S, wide<scalar_of<X>>>(*plain.arena, S(common_batch(x)));
}

// --- kernels -----------------------------------------------------------------------------------------------------------
// Compares the run-time extents of everything it is given, unwraps it and calls the device's kernel.
template <class Op, Value Y, class... A> constexpr void run(const Op& op, const Y& y, const A&... a) {
  common_batch(y, a...);
  (detail::check_indices(y.device(), op, a), ...);
  using T = detail::narrowest<std::remove_pointer_t<decltype(detail::scalar_among<Y, A...>())>, A...>;
  detail::check_inputs<T, Op>(y.device(), a...);
  detail::count_bytes<T, Op>(y.device(), y, a...);
  kernel_forward(y.device(), op, y.data(), detail::plain<T>(y.device(), a, Op::name)...);
  detail::check_results<T, Op>(y.device(), false, y, a...);
}
// The same for backward: sinks, then y's gradient, then values. `y` names the device.
template <class Op, Value Y, class... A> constexpr void run_backward(const Op& op, const Y& y, const A&... a) {
  using T = detail::narrowest<scalar_of<Y>, A...>;
  detail::count_bytes<T, Op>(y.device(), y, a...);  // y stands for its gradient
  kernel_backward(y.device(), op, detail::plain<T>(y.device(), a, Op::name)...);
  detail::check_results<T, Op>(y.device(), true, a...);
}

}  // namespace vitrail
