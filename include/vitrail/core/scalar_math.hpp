// Scalar formulas with their derivatives, written once for host and device. The float versions are branch-free
// polynomials, which every compiler turns into vector code; the double versions are the standard library's.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "config.hpp"

namespace vitrail::math {

// condition ? a : b by masks. With a branch, g++ makes whatever only one side needs in that side, and no vector code.
VITRAIL_HD inline float choose(bool condition, float a, float b) {
  std::uint32_t x, y;
  std::memcpy(&x, &a, sizeof x), std::memcpy(&y, &b, sizeof y);
  const std::uint32_t mask = 0u - static_cast<std::uint32_t>(condition), bits = (x & mask) | (y & ~mask);
  float chosen;
  std::memcpy(&chosen, &bits, sizeof chosen);
  return chosen;
}

// e^x. float: x = n ln 2 + r with |r| <= ln 2 / 2, a degree-6 Taylor-like minimax polynomial, and n added to the
// exponent; relative error below 2e-7, 0 under -87, saturating at 88. What is not a number stays none: a loss shows it.
VITRAIL_HD inline float exp(float x) {
  const float below = choose(x > 88.0f, 88.0f, x);
  const float inside = choose(below < -87.0f, -87.0f, below);
  const float shifted = inside * 1.44269504f + 12582912.0f;  // 1.5 * 2^23 pushes the fraction out: rounded to nearest
  const float n = shifted - 12582912.0f;
  const float r = (inside - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;  // coefficients: Cephes expf (Moshier)
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  std::uint32_t bits;  // of `shifted`: n stands in the last ones
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits - 0x4B400000u + 127u) << 23;
  float power;
  std::memcpy(&power, &bits, sizeof power);
  return choose(x < -87.0f, 0.0f, p * power);
}
VITRAIL_HD inline double exp(double x) { return std::exp(x); }

// Phi(x), the share of a standard normal below x, and phi(x), its density.
template <class T> struct Normal {
  T below, density;
};
// float: Abramowitz and Stegun 7.1.26 (absolute error 1.5e-7, with rounding below 3e-7), whose exponential is the
// density's as well.
VITRAIL_HD inline Normal<float> normal(float x) {
  const float size = std::fabs(x);
  const float bell = exp(-0.5f * x * x);
  const float t = 1.0f / (1.0f + 0.3275911f * 0.70710678f * size);
  const float series = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  const float tail = 0.5f * series * bell;
  return {choose(x < 0, tail, 1.0f - tail), 0.39894228f * bell};
}
VITRAIL_HD inline Normal<double> normal(double x) {
  return {0.5 * std::erfc(-0.70710678118654752440 * x), 0.39894228040143267794 * std::exp(-0.5 * x * x)};
}

VITRAIL_HD inline float tanh(float x) {
  const float e = exp(-2.0f * std::fabs(x)), t = (1.0f - e) / (1.0f + e);
  return choose(x < 0, -t, t);
}
VITRAIL_HD inline double tanh(double x) { return std::tanh(x); }

// GELU(x) = x Phi(x) (Hendrycks and Gimpel 2016), and its derivative Phi(x) + x phi(x).
template <class T> VITRAIL_HD inline T gelu(T x) { return x * normal(x).below; }
template <class T> VITRAIL_HD inline T gelu_slope(T x) {
  const Normal<T> n = normal(x);
  return n.below + x * n.density;
}
// The tanh form: 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
template <class T> VITRAIL_HD inline T gelu_tanh(T x) {
  return T(0.5) * x * (T(1) + tanh(T(0.79788456080286535588) * (x + T(0.044715) * x * x * x)));
}
template <class T> VITRAIL_HD inline T gelu_tanh_slope(T x) {
  const T c = T(0.79788456080286535588), t = tanh(c * (x + T(0.044715) * x * x * x));
  return T(0.5) * (T(1) + t) + T(0.5) * x * (T(1) - t * t) * c * (T(1) + T(3) * T(0.044715) * x * x);
}

}  // namespace vitrail::math
