// What a call says when it refuses.
#pragma once
#include <string>
#include <string_view>

// The message of the E that f throws; empty if it throws nothing.
template <class E, class F>
std::string refusal(const F& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}
inline bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }
