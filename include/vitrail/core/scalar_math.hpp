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
VITRAIL_HD inline Normal<double> normal(double x) {
  return {0.5 * std::erfc(-0.70710678118654752440 * x), 0.39894228040143267794 * std::exp(-0.5 * x * x)};
}

VITRAIL_HD inline float tanh(float x) {
  const float e = exp(-2.0f * std::fabs(x)), t = (1.0f - e) / (1.0f + e);
  return choose(x < 0, -t, t);
}
VITRAIL_HD inline double tanh(double x) { return std::tanh(x); }

// 1/2 + x P(x^2) / Q(x^2) within +-limit, 0 below and 1 above: rational functions fitted for the least largest error. They cost a
// third of what an exponential does.
struct OddRational {
  float limit, p[6], q[5];
  VITRAIL_HD float operator()(float x) const {
    const float low = choose(x < -limit, -limit, x), c = choose(low > limit, limit, low), t = c * c;
    float over = p[5], under = q[4];
    over = over * t + p[4], under = under * t + q[3];
    over = over * t + p[3], under = under * t + q[2];
    over = over * t + p[2], under = under * t + q[1];
    over = over * t + p[1], under = under * t + q[0];
    over = over * t + p[0], under = under * t + 1.0f;
    return choose(x < -limit, 0.0f, choose(x > limit, 1.0f, 0.5f + c * over / under));
  }
};

// GELU(x) = x Phi(x) (Hendrycks and Gimpel 2016). float: Phi to 2e-7, rounding included.
VITRAIL_HD inline float gelu(float x) {
  constexpr OddRational below{5.2f,
                              {3.989422610e-1f, 3.254458492e-2f, 4.608646635e-3f, 1.568618281e-4f, 6.407884581e-6f, 2.473106995e-8f},
                              {2.482435187e-1f, 2.792670607e-2f, 1.817204021e-3f, 7.049614569e-5f, 1.258866497e-6f}};
  return x * below(x);
}
VITRAIL_HD inline double gelu(double x) { return x * normal(x).below; }
// Its derivative Phi(x) + x phi(x). float: to 4e-7, rounding included.
VITRAIL_HD inline float gelu_slope(float x) {
  constexpr OddRational slope{6.0f,
                              {7.978846825e-1f, -3.075795223e-2f, 1.421015732e-2f, 2.392159012e-5f, 3.584868719e-5f, 1.909296257e-7f},
                              {2.947882276e-1f, 4.105919188e-2f, 3.528496064e-3f, 1.934064287e-4f, 8.888586340e-6f}};
  return slope(x);
}
VITRAIL_HD inline double gelu_slope(double x) {
  const Normal<double> n = normal(x);
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
