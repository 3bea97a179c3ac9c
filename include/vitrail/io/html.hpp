// The two small things that every HTML or SVG writer needs: text without markup, and short coordinates.
#pragma once
#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>

namespace vitrail::detail {

inline std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += static_cast<unsigned char>(c) < 32 && c != '\n' && c != '\t' ? ' ' : c;
    }
  return out;
}

// One decimal, enough for a chart some hundred units wide.
inline std::string coordinate(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

}  // namespace vitrail::detail
