// Whole steps on the checked device: nothing is left unwritten or becomes no number, and a NaN is named where it enters.
// (SplitMask, MAE and supervised training run on it in tests/cuda/models.cpp.)
#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "support/models.hpp"
#include "support/teachers.hpp"
#include "vitrail/backends/checked.hpp"

using namespace vitrail;

namespace {

template <class Objective> std::string complaint(Trial<Objective, float, Checked<Cpu>>& trial) {
  try {
    trial.run(3);
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

}  // namespace

TEST_SUITE_BEGIN("objectives");

TEST_CASE_TEMPLATE("a step with several views passes the checked device, and a NaN in a weight or a picture is named where it enters", Objective, TinyDino,
                   TinyMoco) {
  Trial<Objective, float, Checked<Cpu>> trial;
  CHECK(complaint(trial) == "none");
  CHECK(complaint(trial) == "none");
  auto* const weight = static_cast<float*>(trial.model->encoder.transformer.blocks[0].mlp.fc2.weight.value);
  const float before = std::exchange(weight[5], std::numeric_limits<float>::quiet_NaN());
  CHECK(complaint(trial) == "gelu_linear: of what goes in, 1 of 128 are no numbers (NaN), the first at place 5");
  weight[5] = before;
  CHECK(complaint(trial) == "none");
  weight[5] = std::numeric_limits<float>::infinity();  // a number that makes none: infinity times zero, or minus infinity
  CHECK(complaint(trial).find("are no numbers (NaN)") != std::string::npos);
}

TEST_SUITE_END();
