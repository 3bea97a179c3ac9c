// A callback for fit() that writes every n-th step as a line of JSON.
#pragma once
#include "../core/config.hpp"
#include "../train/fit.hpp"
#include "log.hpp"

namespace vitrail {

VITRAIL_FUNCTION std::vector<LogField> log_fields(const StepReport& r);
// The log must outlive the callback.
inline auto log_to(JsonlLog& log, std::int64_t every_steps = 1) {
  return every(every_steps, [&log](const StepReport& r) { log.write(log_fields(r)); });
}

}  // namespace vitrail

#if VITRAIL_IO_BODIES
#include "bodies/training_log.hpp"
#endif
