// What a person sees of training: one line that renews itself on a terminal, plain lines anywhere else.
#pragma once
#include <unistd.h>

#include <chrono>
#include <ostream>
#include <string>

#include "../core/config.hpp"
#include "../train/fit.hpp"

namespace vitrail {

namespace detail {
VITRAIL_FUNCTION std::string printed(const char* format, double value);
VITRAIL_FUNCTION std::string duration(double seconds);  // "1 h 05 min"
VITRAIL_FUNCTION std::string progress_line(const StepReport& r);
}  // namespace detail

// A callback for fit(). On a terminal a bar, renewed ten times a second; otherwise a line every `seconds`, and the last.
class ProgressBar {
 public:
  explicit ProgressBar(std::ostream& out, bool terminal, double seconds = 10) : out_(&out), terminal_(terminal), seconds_(seconds) {}

  void operator()(const StepReport& r);

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

#if VITRAIL_IO_BODIES
#include "bodies/progress.hpp"
#endif
