// Which algorithm each product takes, as text: so that what was found by timing on one day is taken again on another, to the same bits.
#pragma once
#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <sstream>
#include <string>

#include "replay.hpp"

namespace vitrail::cuda {

// cuBLASLt's own eight words, which it takes back on the same card and library.
using Algorithm = std::array<std::uint64_t, 8>;

class PlanBook {
 public:
  // `where`: the card and the library, on one line. `text`: what a book of theirs gave, or nothing. Throws ConfigError for any other text.
  PlanBook(std::string where, const std::string& text) : where_(std::move(where)) {
    if (text.empty()) return;
    std::istringstream lines(text);
    std::string line;
    if (!std::getline(lines, line) || line != first_line())
      throw ConfigError("Cuda: expected plans that begin with `" + first_line() + "`, found `" + line.substr(0, 120) +
                        "`; plans hold for one card and one version of cuBLAS: leave them away, or time products anew (.tune = true)");
    while (std::getline(lines, line)) {
      const std::size_t end = line.find(':');
      Algorithm algorithm{};
      std::istringstream words(end == std::string::npos ? "" : line.substr(end + 1));
      for (std::uint64_t& word : algorithm) words >> std::hex >> word;
      std::string more;
      if (!words || words >> more)
        throw ConfigError("Cuda: expected a product and eight words in a line of plans, found `" + line.substr(0, 120) + "`");
      algorithms_[line.substr(0, end)] = algorithm;
    }
  }

  const Algorithm* find(const std::string& product) const {
    const auto found = algorithms_.find(product);
    return found == algorithms_.end() ? nullptr : &found->second;
  }
  void add(const std::string& product, const Algorithm& algorithm) { algorithms_[product] = algorithm; }
  std::string text() const {
    std::string out = first_line() + "\n";
    for (const auto& [product, algorithm] : algorithms_) {
      out += product + ":";
      for (const std::uint64_t word : algorithm) {
        char hex[24];
        std::snprintf(hex, sizeof hex, " %llx", static_cast<unsigned long long>(word));
        out += hex;
      }
      out += "\n";
    }
    return out;
  }
  // A line's name for a product: all that an algorithm may depend on. `aligned`: bytes, of a, b, c, d as cuBLASLt names them.
  static std::string name(const Gemm& g, Scalar operands, Scalar result, bool bias, Fused fused,
                          const std::uint32_t (&aligned)[4]) {
    std::string out;
    for (const i64 number : {g.rows, g.cols, g.inner, g.batch, g.a_step, g.b_step, g.y_step}) out += std::to_string(number) + " ";
    out += g.a_transposed ? "t" : "n";
    out += g.b_transposed ? "t" : "n";
    out += g.exact ? "x" : "-";
    out += bias ? "b" : "-";
    out += "-gsa"[static_cast<int>(fused)] + std::string(" ");
    out += std::to_string(static_cast<int>(operands)) + std::to_string(static_cast<int>(result));
    for (const std::uint32_t bytes : aligned) out += " " + std::to_string(bytes);
    return out;
  }

 private:
  std::string first_line() const { return "vitrail plans for " + where_; }

  std::string where_;
  std::map<std::string, Algorithm> algorithms_;
};

}  // namespace vitrail::cuda
