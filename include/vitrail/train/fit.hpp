// The training loop: batches in, steps out, callbacks told. Everything random in step k is a function of (seed, k).
#pragma once
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>

#include "../core/config.hpp"
#include "../objectives/cost.hpp"
#include "adamw.hpp"
#include "input_queue.hpp"
#include "ranks.hpp"
#include "readings.hpp"
#include "schedule.hpp"

namespace vitrail {

struct FitConfig {
  std::int64_t steps = 1000;   // in all, including those taken before a resume
  int accumulate = 1;          // batches per step, whose gradients are averaged
  std::uint64_t seed = 0;      // of masks and dropped paths; the loader has its own
  double momentum_from = 0.996, momentum_to = 1;  // given to after_step, along half a cosine: a teacher's (DINO; MoCo v3 from 0.99)
  std::function<double(std::int64_t step)> weight_decay{};  // a schedule; none: the optimiser's own stays
};

// What callbacks see after every step.
struct StepReport {
  std::int64_t step = 0;   // steps taken: 1 after the first
  std::int64_t steps = 0;  // in all
  double epoch = 0;        // passes over the image set
  double rate = 0;         // learning rate
  double gradient_norm = 0;
  double loss = 0;         // mean over the step's batches
  std::vector<std::pair<std::string, double>> terms;  // the objective's parts, as its report() names them
  double seconds = 0;            // of this step, waiting for data included
  double waited = 0;             // seconds of it that went into waiting for data
  double images_per_second = 0;  // smoothed
  double seconds_left = 0;       // estimate
  int unreadable = 0;            // images skipped so far, of this rank's

  bool last() const { return step == steps; }
};

// Calls f after every n-th step and after the last one.
template <class F> auto every(std::int64_t n, F f) {
  return [n, f](const StepReport& report) mutable {
    if (report.step % n == 0 || report.last()) f(report);
  };
}

namespace detail {
// Throws ConfigError unless the loader makes the views, of so many channels, that the objective takes.
VITRAIL_FUNCTION void check_views_of(const LoaderConfig& config, const std::vector<ViewGroup>& wanted, int channels);
template <class Objective> void check_loader(const LoaderConfig& config) {
  if constexpr (!requires { typename Objective::views; }) check_images<typename Objective::images_shape>(config, "fit");
  int channels = 0;
  const std::vector<ViewGroup> wanted = [&]<class... V>(Views<V...>) {
    ((channels = V::shape::template extent<1>()), ...);
    return std::vector<ViewGroup>{ViewGroup{V::shape::template extent<-1>(), V::count}...};
  }(views_of<Objective>{});
  check_views_of(config, wanted, channels);
}

// Throws NumericError where a step's loss or gradient is not a finite number.
VITRAIL_FUNCTION void check_finite(const StepReport& report, std::int64_t step);
// Throws NumericError where a schedule gives no finite number.
VITRAIL_FUNCTION void check_rate(double rate, std::int64_t step);
// Throws ConfigError for numbers that make no run of `taken` steps before, and where the loader would go on elsewhere.
VITRAIL_FUNCTION void check_run(const FitConfig& config, std::int64_t taken, const BatchLoader& loader);
// What after_step gets, and what callbacks see of a step that took `seconds`; `smoothed`: the mean of these.
VITRAIL_FUNCTION double momentum_at(const FitConfig& config, std::int64_t step);
VITRAIL_FUNCTION void finish_report(StepReport& report, const FitConfig& config, const BatchLoader& loader, double seconds,
                                    double& smoothed);

// One batch forward and backward; `readings` will add the loss and its parts to the report. `more`: another batch will follow.
// Inputs: an InputQueue, or alike.
template <class M, class Device, class T, class Inputs>
void accumulate_batch(Model<M, Device, T>& model, Tape<Device>& tape, Inputs& inputs, Sampler& sampler, Random random, double share,
                      bool more, Readings<Device>& readings, StepReport& report) {
  const Batch& batch = inputs.next(report.waited);
  sampler.begin(random);
  Random key = random.stream(0xD209);  // dropped paths
  tape.reset((std::uint64_t{key.bits()} << 32) | key.bits());
  const std::vector<ViewObject>* const objects = batch.objects.empty() ? nullptr : batch.objects.data();
  const auto part = draw_for(*model, sampler, batch.size, Labels{batch.labels.data(), batch.others.data(), batch.share, objects});
  T* next = inputs.images();
  const auto result = loss_on_views(*model, batch.size, part, [&]<class S>(S shape) {
    const Tensor<S, Device, T> images{next, nullptr, shape};
    next += shape.size();
    return tape.input(images);
  });
  tape.backward(loss_of(result), static_cast<wide<T>>(share));
  inputs.finished(more, report.waited);
  readings.add(loss_of(result).data(), share, report.loss);
  if constexpr (requires { result.report([](const char*, const auto&) {}); }) {
    std::size_t terms = 0;
    result.report([&](const char* name, const auto&) {
      if (report.terms.size() <= terms++) report.terms.emplace_back(name, 0.0);
    });
    auto term = report.terms.begin();
    result.report([&](const char*, const auto& value) { readings.add(value.data(), share, (term++)->second); });
  }
}

template <class M, class Device, class T, class Rate, class... Callbacks>
StepReport run_steps(Model<M, Device, T>& model, AdamW<M, Device, T>& optimizer, const Rate& rate, BatchLoader& loader,
                     const FitConfig& config, Callbacks&... callbacks) {
  check_loader<M>(loader.config());
  if constexpr (requires { M::classes; }) check_labels(loader.set(), M::classes);
  if constexpr (requires { M::object_classes; }) check_objects(loader.set(), loader.config().objects, M::object_classes);
  check_run(config, optimizer.steps(), loader);
  RankedSteps ranked(model, optimizer, loader.config(), config.steps, config.accumulate, config.seed);
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); };
  Tape<Device> tape{model.device()};
  InputQueue<Device, T> inputs{model.device(), loader};
  Readings<Device> readings{model.device()};
  Sampler sampler{Random(config.seed), loader.config().part};
  const Cost needed = cost<M, T>(loader.config().own_batch());
  tape.values().reserve(needed.value_bytes);
  tape.gradients().reserve(needed.gradient_bytes);
  StepReport report;
  report.step = optimizer.steps(), report.steps = config.steps, report.loss = std::numeric_limits<double>::quiet_NaN();
  double smoothed = 0;
  for (std::int64_t step = optimizer.steps(); step < config.steps; ++step) {
    const auto start = Clock::now();
    report.loss = 0, report.waited = 0;
    for (auto& term : report.terms) term.second = 0;
    model.zero_gradients();
    if constexpr (requires { model->before_step(step); }) model->before_step(step);
    for (int i = 0; i < config.accumulate; ++i) {
      const Random random = Random(config.seed).stream(static_cast<std::uint64_t>(step * config.accumulate + i));
      const bool more = step + 1 < config.steps || i + 1 < config.accumulate;
      accumulate_batch(model, tape, inputs, sampler, random, 1.0 / config.accumulate, more, readings, report);
      if (ranked.several || i + 1 < config.accumulate) readings.fetch();  // before the next batch, or the exchange
    }
    ranked.average(report.loss, report.terms);
    double squares = 0;
    readings.add(optimizer.sum_squares(), 1, squares);
    readings.fetch();
    report.gradient_norm = std::sqrt(squares);
    check_finite(report, step);
    report.rate = rate(step);
    check_rate(report.rate, step);
    if (config.weight_decay) optimizer.set_weight_decay(config.weight_decay(step));
    optimizer.step(report.rate, report.gradient_norm);
    const double momentum = momentum_at(config, step);
    if constexpr (requires { model->after_step(momentum); }) model->after_step(momentum);
    report.step = step + 1;
    finish_report(report, config, loader, since(start), smoothed);
    (callbacks(static_cast<const StepReport&>(report)), ...);
  }
  return report;
}
}  // namespace detail

// Trains from optimizer.steps() to config.steps, and does nothing where all of them were taken; the report's loss is then NaN. The loader
// must begin at batch optimizer.steps() * config.accumulate: BatchLoader's third argument, where training goes on from a checkpoint.
// Callbacks are called with a StepReport after every step, in their order; an exception of theirs ends training, with the
// model as the last step left it. Throws ConfigError, before the first step, for images or labels that the model cannot take,
// and NumericError when the loss or the gradient stops being a finite number, before the parameters are touched.
// On a Parallel device all ranks call this, each with its part of the batches, and take the step of the whole batch. Losses and terms
// are then means over ranks, and a rank that throws takes the others with it: they throw RankError. Ranks that do not begin with the same
// weights and settings throw ConfigError.
template <class M, class Device, class T, class Rate, class... Callbacks>
StepReport fit(Model<M, Device, T>& model, AdamW<M, Device, T>& optimizer, const Rate& rate, BatchLoader& loader, const FitConfig& config,
               Callbacks&&... callbacks) {
  constexpr bool by_step = std::is_invocable_r_v<double, const Rate&, std::int64_t>;
  static_assert(by_step, "fit: the learning rate is a function of the step: CosineSchedule{...}, or [](std::int64_t) { return 1e-3; }");
  if constexpr (by_step)
    return leaving_on_error(model.device(), [&] { return detail::run_steps(model, optimizer, rate, loader, config, callbacks...); });
  else return {};
}

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/fit.hpp"
#endif
