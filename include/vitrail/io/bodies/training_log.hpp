// Bodies of training_log.hpp.
#pragma once
#include "../training_log.hpp"

namespace vitrail {

VITRAIL_FUNCTION std::vector<LogField> log_fields(const StepReport& r) {
  std::vector<LogField> fields{{"step", r.step}, {"epoch", r.epoch}, {"loss", r.loss}};
  for (const auto& [name, value] : r.terms) fields.emplace_back(name, value);
  fields.insert(fields.end(), {{"learning_rate", r.rate},
                               {"gradient_norm", r.gradient_norm},
                               {"images_per_second", r.images_per_second},
                               {"seconds", r.seconds},
                               {"waited", r.waited},
                               {"unreadable", r.unreadable}});
  return fields;
}

}  // namespace vitrail
