// Procedural two-coloured textures, functions of the place alone: the same at every resolution, and anti-aliased.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "../../core/random.hpp"

namespace vitrail::shapes {

struct Colour {
  float red, green, blue;
};
inline Colour mix(const Colour& a, const Colour& b, float share_of_b) {
  const auto blend = [&](float x, float y) { return x + share_of_b * (y - x); };
  return {blend(a.red, b.red), blend(a.green, b.green), blend(a.blue, b.blue)};
}
inline double colour_distance(const Colour& a, const Colour& b) {
  const double r = static_cast<double>(a.red - b.red), g = static_cast<double>(a.green - b.green);
  const double blue = static_cast<double>(a.blue - b.blue);
  return std::sqrt(r * r + g * g + blue * blue);
}
inline Colour random_colour(Random& random) {
  const float value = static_cast<float>(random.uniform(0.2, 1));
  const float grey = value * static_cast<float>(random.uniform(0.05, 0.8));  // the smallest channel
  const float middle = grey + (value - grey) * static_cast<float>(random.uniform());
  float channels[3] = {value, grey, middle};
  random.shuffle(channels, 3);
  return {channels[0], channels[1], channels[2]};
}

enum class Pattern { stripes, checker, dots, noise, gradient };

// Lengths are shares of the picture's side.
struct Texture {
  Pattern pattern;
  Colour first, second;
  double frequency, angle, phase;
  std::uint64_t seed;

  // `pixel`: a pixel's side, over which edges are softened.
  Colour at(double x, double y, double pixel) const {
    const double c = std::cos(angle) * frequency, s = std::sin(angle) * frequency;
    const double u = x * c + y * s + phase, v = y * c - x * s + phase;
    return mix(first, second, static_cast<float>(share(u, v, pixel * frequency)));
  }

 private:
  // The second colour's share, 0 .. 1. u, v and blur in periods of the pattern.
  double share(double u, double v, double blur) const {
    const auto edge = [&](double inside) { return std::clamp(0.5 + inside / blur, 0.0, 1.0); };
    const auto within = [](double t) {
      return std::abs(t - std::floor(t) - 0.5);
    };  // distance from the period's middle
    if (pattern == Pattern::stripes) return edge(0.25 - within(u));
    if (pattern == Pattern::dots) return edge(0.32 - std::hypot(within(u), within(v)));
    if (pattern == Pattern::gradient) return 0.5 + 0.5 * std::sin(3.141592653589793 * u / 4);
    if (pattern == Pattern::noise) return std::clamp(1.6 * layered_noise(u, v) - 0.3, 0.0, 1.0);
    const double a = edge(0.25 - within(u / 2)), b = edge(0.25 - within(v / 2));
    return a + b - 2 * a * b;
  }

  // Two octaves of value noise: smooth interpolation between random heights on a lattice.
  double layered_noise(double u, double v) const {
    return (2 * value_noise(u, v) + value_noise(2 * u + 5, 2 * v + 9)) / 3;
  }

  double value_noise(double u, double v) const {
    const double left = std::floor(u), top = std::floor(v);
    const auto smooth = [](double t) { return t * t * (3 - 2 * t); };
    const double x = smooth(u - left), y = smooth(v - top);
    const double upper = height(left, top) + x * (height(left + 1, top) - height(left, top));
    const double lower = height(left, top + 1) + x * (height(left + 1, top + 1) - height(left, top + 1));
    return upper + y * (lower - upper);
  }
  double height(double column, double row) const {
    const auto whole = [](double t) { return static_cast<std::uint64_t>(static_cast<std::int64_t>(t)); };
    const std::uint64_t hash =
        vitrail::detail::mix(seed + whole(column) * 0x9E3779B97F4A7C15ull + whole(row) * 0xD6E8FEB86659FD93ull);
    return static_cast<double>(hash >> 40) * 0x1.0p-24;
  }
};

// A texture of random pattern, whose colours keep some distance from each other.
inline Texture random_texture(Random& random) {
  Texture texture{};
  texture.pattern = static_cast<Pattern>(random.below(5));
  texture.first = random_colour(random);
  texture.second = random_colour(random);
  for (int tries = 0; tries < 20 && colour_distance(texture.first, texture.second) < 0.25; ++tries)
    texture.second = random_colour(random);
  texture.second = mix(texture.first, texture.second, 0.45f);
  texture.frequency = random.uniform(4, 11);
  texture.angle = random.uniform(0, 6.283185307179586);
  texture.phase = random.uniform(0, 100);
  texture.seed = random.bits();
  return texture;
}

// Behind the shapes: any pattern in light tones.
inline Texture ground_texture(Random& random) {
  constexpr Colour white{1, 1, 1};
  Texture texture = random_texture(random);
  texture.first = mix(texture.first, white, 0.55f), texture.second = mix(texture.second, white, 0.55f);
  return texture;
}

// What a shape of a family is made of: in four of five cases the pattern that it shares with one other family, else any; of a
// dark colour and one that stands out from it. Hues say nothing about the family.
inline Texture family_texture(int family, Random& random) {
  constexpr Colour black{0, 0, 0};
  Texture texture = random_texture(random);
  if (random.chance(0.8)) texture.pattern = static_cast<Pattern>(family % 5);
  texture.first = mix(texture.first, black, 0.65f);
  texture.second = random_colour(random);
  for (int tries = 0; tries < 20 && colour_distance(texture.first, texture.second) < 0.5; ++tries) texture.second = random_colour(random);
  return texture;
}

}  // namespace vitrail::shapes
