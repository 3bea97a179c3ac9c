// A callback for fit() that writes every n-th step as a line of JSON.
#pragma once
#include "../train/fit.hpp"
#include "log.hpp"

namespace vitrail {

inline std::vector<LogField> log_fields(const StepReport& r) {
  std::vector<LogField> fields{{"step", r.step}, {"epoch", r.epoch}, {"loss", r.loss}};
  for (const auto& [name, value] : r.terms) fields.emplace_back(name, value);
  fields.insert(fields.end(), {{"learning_rate", r.rate}, {"gradient_norm", r.gradient_norm}, {"images_per_second", r.images_per_second},
                               {"seconds", r.seconds}, {"waited", r.waited}, {"unreadable", r.unreadable}});
  return fields;
}
// The log must outlive the callback.
inline auto log_to(JsonlLog& log, std::int64_t every_steps = 1) {
  return every(every_steps, [&log](const StepReport& r) { log.write(log_fields(r)); });
}

}  // namespace vitrail
