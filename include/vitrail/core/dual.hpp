// Dual numbers: a value and its derivatives by N inputs. `map` differentiates any elementwise formula with them.
#pragma once
#include <cmath>

#include "scalar_math.hpp"

namespace vitrail {

template <class T, int N> struct Dual {
  T value{};
  T slope[N]{};

  constexpr Dual() = default;
  VITRAIL_HD constexpr Dual(double constant) : value(static_cast<T>(constant)) {}
  VITRAIL_HD static constexpr Dual variable(T x, int input) {
    Dual out;
    out.value = x;
    out.slope[input] = T(1);
    return out;
  }
  // f(value) with f'(value) = rate: the chain rule.
  VITRAIL_HD constexpr Dual chain(T f, T rate) const {
    Dual out;
    out.value = f;
    for (int i = 0; i < N; ++i) out.slope[i] = rate * slope[i];
    return out;
  }
  VITRAIL_HD constexpr Dual operator-() const { return chain(-value, T(-1)); }
  VITRAIL_HD friend constexpr Dual operator+(const Dual& a, const Dual& b) { return combine(a, b, a.value + b.value, T(1), T(1)); }
  VITRAIL_HD friend constexpr Dual operator-(const Dual& a, const Dual& b) { return combine(a, b, a.value - b.value, T(1), T(-1)); }
  VITRAIL_HD friend constexpr Dual operator*(const Dual& a, const Dual& b) {
    return combine(a, b, a.value * b.value, b.value, a.value);
  }
  VITRAIL_HD friend constexpr Dual operator/(const Dual& a, const Dual& b) {
    return combine(a, b, a.value / b.value, T(1) / b.value, -a.value / (b.value * b.value));
  }
  VITRAIL_HD friend constexpr bool operator<(const Dual& a, const Dual& b) { return a.value < b.value; }
  VITRAIL_HD friend constexpr bool operator>(const Dual& a, const Dual& b) { return b < a; }

 private:
  VITRAIL_HD static constexpr Dual combine(const Dual& a, const Dual& b, T f, T by_a, T by_b) {
    Dual out;
    out.value = f;
    for (int i = 0; i < N; ++i) out.slope[i] = by_a * a.slope[i] + by_b * b.slope[i];
    return out;
  }
};

// Functions for formulas; they serve plain numbers as well, so that one formula computes both.
namespace math {
VITRAIL_HD inline float log(float x) { return std::log(x); }
VITRAIL_HD inline double log(double x) { return std::log(x); }
VITRAIL_HD inline float sqrt(float x) { return std::sqrt(x); }
VITRAIL_HD inline double sqrt(double x) { return std::sqrt(x); }
template <class T, int N> VITRAIL_HD Dual<T, N> exp(const Dual<T, N>& x) {
  const T e = exp(x.value);
  return x.chain(e, e);
}
template <class T, int N> VITRAIL_HD Dual<T, N> log(const Dual<T, N>& x) { return x.chain(log(x.value), T(1) / x.value); }
template <class T, int N> VITRAIL_HD Dual<T, N> sqrt(const Dual<T, N>& x) {
  const T root = sqrt(x.value);
  return x.chain(root, T(0.5) / root);
}
template <class T, int N> VITRAIL_HD Dual<T, N> tanh(const Dual<T, N>& x) {
  const T t = tanh(x.value);
  return x.chain(t, T(1) - t * t);
}
// ln(1 + e^x), whose slope is the sigmoid; no exponential overflows.
VITRAIL_HD inline float softplus(float x) { return (x > 0 ? x : 0) + std::log1p(std::exp(-std::fabs(x))); }
VITRAIL_HD inline double softplus(double x) { return (x > 0 ? x : 0) + std::log1p(std::exp(-std::fabs(x))); }
// 1 / (1 + e^-x), through tanh so that no exponential overflows.
template <class X> VITRAIL_HD X sigmoid(const X& x) { return X(0.5) + X(0.5) * tanh(X(0.5) * x); }
template <class T, int N> VITRAIL_HD Dual<T, N> softplus(const Dual<T, N>& x) { return x.chain(softplus(x.value), sigmoid(x.value)); }
// max(x, 0), whose slope at 0 is 0; what is no number stays none.
// No choice between two ways through: signs are random, and a guess of the processor that is wrong costs more than the rest.
VITRAIL_HD inline float relu(float x) { return x < 0 ? 0.0f : x; }
VITRAIL_HD inline double relu(double x) { return x < 0 ? 0.0 : x; }
template <class T, int N> VITRAIL_HD Dual<T, N> relu(const Dual<T, N>& x) { return x.chain(relu(x.value), x.value > 0 ? T(1) : T(0)); }
// |x|, whose slope at 0 is 0.
VITRAIL_HD inline float abs(float x) { return std::fabs(x); }
VITRAIL_HD inline double abs(double x) { return std::fabs(x); }
template <class T, int N> VITRAIL_HD Dual<T, N> abs(const Dual<T, N>& x) {
  return x.chain(abs(x.value), T(x.value > 0) - T(x.value < 0));
}
}  // namespace math

// Formulas for map().
struct Relu {
  template <class X> VITRAIL_HD X operator()(const X& x) const { return math::relu(x); }
};

}  // namespace vitrail
