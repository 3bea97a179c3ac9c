// Var: a tensor and its place on a tape. It holds a Tensor and does not derive from one: it would detach silently.
#pragma once
#include "../backends/kernel.hpp"
#include "../tensor/tensor.hpp"

namespace vitrail {

template <class Device> class Tape;

// A value's gradient during backward: numbers of the value's scalar.
struct Slot {
  void* grad = nullptr;
  std::uint64_t place = 0;  // of the gradient, in the pool
  std::int64_t size = 0;    // numbers
  std::size_t bytes = 0;
  bool written = false;
  Slot* previous = nullptr;
};

namespace detail {
// Null in constant evaluation, where nothing has a place.
template <class T> constexpr T* numbers(void* at) { return std::is_constant_evaluated() ? nullptr : static_cast<T*>(at); }
}  // namespace detail

template <class S, class D, class T> struct Var {
  using shape_type = S;
  using device_type = D;
  using scalar = T;

  Tensor<S, D, T> value;
  Tape<D>* tape = nullptr;
  Slot* slot = nullptr;  // null: on the tape, but wants no gradient
  [[no_unique_address]] S shape{};

  constexpr T* data() const { return value.at; }
  constexpr D& device() const { return value.device(); }
  constexpr const T* grad() const { return detail::numbers<T>(slot->grad); }
};

template <class X> inline constexpr bool is_var = false;
template <class S, class D, class T> inline constexpr bool is_var<Var<S, D, T>> = true;

template <class X> concept Tracked = is_var<std::remove_cv_t<X>>;       // on a tape: part of what is differentiated
template <class X> concept Untracked = is_tensor<std::remove_cv_t<X>>;  // numbers only
template <class X> concept Value = is_var<std::remove_cv_t<X>> || is_tensor<std::remove_cv_t<X>>;

template <class X> using shape_of = typename X::shape_type;
template <class X> using scalar_of = typename X::scalar;

// The numbers alone: no gradient flows back through what is made of them (stop-gradient).
template <Value X> constexpr auto detach(const X& x) {
  if constexpr (Tracked<X>) return x.value;
  else return x;
}

// The same memory and the same gradient under another shape of equal size: costs nothing.
template <class S, Value X> constexpr auto view(const X& x, S shape) {
  if (shape.size() != x.shape.size())
    throw ShapeError("view: " + text(x.shape) + " cannot be seen as " + text(shape) + "; the number of elements must stay");
  using T = scalar_of<X>;
  using D = typename X::device_type;
  if constexpr (Tracked<X>)
    return Var<S, D, T>{{x.value.at, x.value.arena, shape}, x.tape, x.slot, shape};
  else
    return Tensor<S, D, T>{x.at, x.arena, shape};
}

}  // namespace vitrail
