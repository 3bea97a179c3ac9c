// What a person sees of training: one line that renews itself on a terminal, plain lines anywhere else.
#pragma once
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ostream>
#include <string>

#include "../train/fit.hpp"

namespace vitrail {

namespace detail {
inline std::string printed(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}
inline std::string duration(double seconds) {
  const long whole = static_cast<long>(seconds + 0.5);
  char text[64];
  if (whole >= 3600) std::snprintf(text, sizeof text, "%ld h %02ld min", whole / 3600, whole / 60 % 60);
  else if (whole >= 60) std::snprintf(text, sizeof text, "%ld min %02ld s", whole / 60, whole % 60);
  else std::snprintf(text, sizeof text, "%ld s", whole);
  return text;
}
inline std::string progress_line(const StepReport& r) {
  std::string line = "step " + std::to_string(r.step) + "/" + std::to_string(r.steps);
  line += printed("  epoch %.1f", r.epoch) + printed("  loss %.4f", r.loss);
  for (const auto& [name, value] : r.terms) line += "  " + name + printed(" %.4f", value);
  line += printed("  %.0f images/s", r.images_per_second);
  if (!r.last()) line += "  " + duration(r.seconds_left) + " left";
  if (r.unreadable > 0) line += "  " + std::to_string(r.unreadable) + " unreadable images skipped";
  return line;
}
}  // namespace detail

// A callback for fit(). On a terminal a bar, renewed ten times a second; otherwise a line every `seconds`, and the last.
class ProgressBar {
 public:
  explicit ProgressBar(std::ostream& out, bool terminal, double seconds = 10) : out_(&out), terminal_(terminal), seconds_(seconds) {}

  void operator()(const StepReport& r) {
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

 private:
  std::ostream* out_;
  bool terminal_;
  double seconds_;
  int count_ = 0;
  std::chrono::steady_clock::time_point shown_{};
};

// For a C++ stream that stands for a file descriptor: 1 for std::cout, 2 for std::cerr.
inline ProgressBar progress_bar(std::ostream& out, int descriptor) { return ProgressBar(out, isatty(descriptor) == 1); }

}  // namespace vitrail
