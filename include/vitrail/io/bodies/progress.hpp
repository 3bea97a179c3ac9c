// Bodies of progress.hpp.
#pragma once
#include <cstdio>

#include "../progress.hpp"

namespace vitrail {

namespace detail {
VITRAIL_FUNCTION std::string printed(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}
VITRAIL_FUNCTION std::string duration(double seconds) {
  const long whole = static_cast<long>(seconds + 0.5);
  char text[64];
  if (whole >= 3600) std::snprintf(text, sizeof text, "%ld h %02ld min", whole / 3600, whole / 60 % 60);
  else if (whole >= 60) std::snprintf(text, sizeof text, "%ld min %02ld s", whole / 60, whole % 60);
  else std::snprintf(text, sizeof text, "%ld s", whole);
  return text;
}
VITRAIL_FUNCTION std::string progress_line(const StepReport& r) {
  std::string line = "step " + std::to_string(r.step) + "/" + std::to_string(r.steps);
  line += printed("  epoch %.1f", r.epoch) + printed("  loss %.4f", r.loss);
  for (const auto& [name, value] : r.terms) line += "  " + name + printed(" %.4f", value);
  line += printed("  %.0f images/s", r.images_per_second);
  if (!r.last()) line += "  " + duration(r.seconds_left) + " left";
  if (r.unreadable > 0) line += "  " + std::to_string(r.unreadable) + " unreadable images skipped";
  return line;
}
}  // namespace detail

VITRAIL_FUNCTION void ProgressBar::operator()(const StepReport& r) {
  const auto now = std::chrono::steady_clock::now();
  const double since = std::chrono::duration<double>(now - shown_).count();
  if (!r.last() && count_++ > 0 && since < (terminal_ ? 0.1 : seconds_)) return;
  shown_ = now;
  if (!terminal_) {
    *out_ << detail::progress_line(r) << std::endl;
    return;
  }
  constexpr int width = 24;
  const int full = static_cast<int>(width * r.step / r.steps);
  std::string bar = "[";
  for (int i = 0; i < width; ++i) bar += i < full ? '#' : '-';
  *out_ << "\r\x1b[K" << bar << "] " << detail::progress_line(r) << (r.last() ? "\n" : "") << std::flush;
}

}  // namespace vitrail
