// Numbers as text for JSON: the shortest decimal that reads back as the same number, in any locale.
#pragma once
#include <charconv>
#include <concepts>
#include <cmath>
#include <string>

namespace vitrail {

// "0.1" for 0.1f and for 0.1; "null" where JSON has no word: infinities and not-a-number.
template <std::floating_point T>
std::string number_text(T value) {
  if (!std::isfinite(value)) return "null";
  char text[64];
  const std::to_chars_result end = std::to_chars(text, text + sizeof text, value);
  return std::string(text, end.ptr);
}
template <std::integral T>
std::string number_text(T value) {
  return std::to_string(value);
}

// The double whose decimal form is that of `value`: 0.1 for 0.1f, where a conversion gives 0.10000000149011612.
inline double plain_double(float value) {
  if (!std::isfinite(value)) return value;
  char text[64];
  const std::to_chars_result end = std::to_chars(text, text + sizeof text, value);
  double result = 0;
  std::from_chars(text, end.ptr, result);
  return result;
}

}  // namespace vitrail
