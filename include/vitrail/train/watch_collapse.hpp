// A callback of fit that sees a teacher collapse: nothing in the loss need show it.
#pragma once
#include <cstdio>
#include <string>
#include <utility>

#include "fit.hpp"

namespace vitrail {

struct CollapseConfig {
  std::string term = "teacher_variance";  // of the objective's report
  double below = 1e-5;                     // what counts as collapsed
  std::int64_t patience = 100;             // so many steps in a row
  std::int64_t from = 0;                   // not before this step: a new teacher knows little
};

// Watches a term of the report. When it has stayed below the limit for `patience` steps, warn(sentence) is called: once, and again only
// after the term has recovered. Throws ConfigError if the objective reports no such term.
template <class Warn> auto watch_collapse(CollapseConfig config, Warn warn) {
  return [config = std::move(config), warn, below = std::int64_t{0}](const StepReport& report) mutable {
    std::string known;
    for (const auto& [name, value] : report.terms) {
      known += (known.empty() ? "" : ", ") + name;
      if (name != config.term) continue;
      if (report.step <= config.from || value >= config.below) {
        below = 0;
      } else if (++below == config.patience) {
        char numbers[160];
        std::snprintf(numbers, sizeof numbers, "%.3g at step %lld, below %.3g for %lld steps", value, static_cast<long long>(report.step),
                      config.below, static_cast<long long>(config.patience));
        warn("collapse: " + name + " is " + numbers +
             ": the teacher says the same of every image; lower its temperature or the learning rate, or let it follow more slowly");
      }
      return;
    }
    throw ConfigError("watch_collapse: the objective reports no '" + config.term + "'; it reports " + (known.empty() ? "nothing" : known));
  };
}
// The same, which stops training: throws NumericError with the model as the last step left it. Callbacks before it have seen that step.
inline auto watch_collapse(CollapseConfig config = {}) {
  return watch_collapse(std::move(config), [](const std::string& sentence) { throw NumericError(sentence); });
}

}  // namespace vitrail
