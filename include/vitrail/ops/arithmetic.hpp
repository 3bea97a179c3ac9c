// a + b, a - b, a * b, a / b and their forms with a number.
#pragma once
#include "map.hpp"

namespace vitrail {

namespace detail {
template <class A, class B> inline constexpr bool same_scalar = std::is_same_v<scalar_of<A>, scalar_of<B>>;
// dx += dy; or, at the last use of y's gradient, it becomes x's without a copy.
template <Value X, Tracked Y> constexpr void pass_gradient(const X& x, const Y& y, bool last_use) {
  static_assert(same_scalar<X, Y>, "what is added must have the scalar of what it is added to");
  if constexpr (Tracked<X>) {
    if (x.slot == nullptr || (last_use && y.tape->hand_over(y.slot, x.slot))) return;
    run_backward(op::Add{x.shape.size()}, y, sink(x), y.grad());
  }
}
struct Affine {  // by x + plus
  double by, plus;
  template <class X> VITRAIL_HD X operator()(const X& x) const { return X(by) * x + X(plus); }
};
struct Product {
  template <class X> VITRAIL_HD X operator()(const X& a, const X& b) const { return a * b; }
};
struct Quotient {
  template <class X> VITRAIL_HD X operator()(const X& a, const X& b) const { return a / b; }
};
struct Difference {
  template <class X> VITRAIL_HD X operator()(const X& a, const X& b) const { return a - b; }
};
}  // namespace detail

template <Value A, Value B>
  requires SameShape<shape_of<A>, shape_of<B>>
constexpr auto add(const A& a, const B& b) {
  auto y = fresh<shape_of<A>>(a, b);
  run(op::Add{y.shape.size()}, y, a, b);
  if constexpr (Tracked<A> || Tracked<B>)
    y.tape->on_backward(y.slot, [a, b, y] {
      detail::pass_gradient(b, y, false);
      detail::pass_gradient(a, y, true);
    });
  return y;
}

// Operators accept any two values, so that a wrong shape is one sentence and not a list of overloads.
template <Value A, Value B> constexpr auto operator+(const A& a, const B& b) {
  static_assert(SameShape<shape_of<A>, shape_of<B>>, "a + b: both must have the same shape");
  static_assert(detail::same_scalar<A, B>, "a + b: both must hold numbers of one type");
  if constexpr (SameShape<shape_of<A>, shape_of<B>> && detail::same_scalar<A, B>) return add(a, b);
}
template <Value A, Value B> constexpr auto operator-(const A& a, const B& b) {
  static_assert(SameShape<shape_of<A>, shape_of<B>>, "a - b: both must have the same shape");
  static_assert(detail::same_scalar<A, B>, "a - b: both must hold numbers of one type");
  if constexpr (SameShape<shape_of<A>, shape_of<B>> && detail::same_scalar<A, B>) return map(detail::Difference{}, a, b);
}
template <Value A, Value B> constexpr auto operator*(const A& a, const B& b) {
  static_assert(SameShape<shape_of<A>, shape_of<B>>,
                "a * b, elementwise: both must have the same shape; see matmul and linear");
  static_assert(detail::same_scalar<A, B>, "a * b: both must hold numbers of one type");
  if constexpr (SameShape<shape_of<A>, shape_of<B>> && detail::same_scalar<A, B>) return map(detail::Product{}, a, b);
}
template <Value A, Value B> constexpr auto operator/(const A& a, const B& b) {
  static_assert(SameShape<shape_of<A>, shape_of<B>>, "a / b, elementwise: both must have the same shape");
  static_assert(detail::same_scalar<A, B>, "a / b: both must hold numbers of one type");
  if constexpr (SameShape<shape_of<A>, shape_of<B>> && detail::same_scalar<A, B>) return map(detail::Quotient{}, a, b);
}
// The number's type is a parameter too: clang 14 makes a candidate's declaration before it asks for the constraints, and an operator of two
// plain numbers is an error, so that `1 + enumerator` would not compile where these names are visible.
template <class N> concept PlainNumber = std::is_arithmetic_v<N>;
template <PlainNumber N, Value X> constexpr auto operator*(N by, const X& x) { return map(detail::Affine{double(by), 0}, x); }
template <Value X, PlainNumber N> constexpr auto operator*(const X& x, N by) { return map(detail::Affine{double(by), 0}, x); }
template <Value X, PlainNumber N> constexpr auto operator/(const X& x, N by) { return map(detail::Affine{1 / double(by), 0}, x); }
template <PlainNumber N, Value X> constexpr auto operator+(N plus, const X& x) { return map(detail::Affine{1, double(plus)}, x); }
template <Value X, PlainNumber N> constexpr auto operator+(const X& x, N plus) { return map(detail::Affine{1, double(plus)}, x); }
template <PlainNumber N, Value X> constexpr auto operator-(N from, const X& x) { return map(detail::Affine{-1, double(from)}, x); }
template <Value X, PlainNumber N> constexpr auto operator-(const X& x, N minus) { return map(detail::Affine{1, -double(minus)}, x); }
template <Value X> constexpr auto operator-(const X& x) { return map(detail::Affine{-1, 0}, x); }

}  // namespace vitrail
