// AdamW (Loshchilov and Hutter 2019) on a model's flat buffers, with clipping of the gradient's norm.
#pragma once
#include <cmath>
#include <vector>

#include "../nn/model.hpp"
#include "layer_decay.hpp"

namespace vitrail {

// Whose norm is clipped: that of all gradients together, as most recipes do, or that of each parameter's gradient, as DINO does.
enum class Clipping { together, each };

struct AdamWConfig {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double weight_decay = 0.05;  // of the decayed segment: weights of linear maps; not biases, norms, tokens and positions
  double clip_norm = 3.0;      // the largest norm that a gradient keeps; 0: no clipping
  double layer_decay = 1;      // of the learning rate, for each layer of an encoder from its end to its patches: see LayerDecay
  Clipping clipping = Clipping::together;
};

namespace detail {
template <class M> inline constexpr bool is_teacher = requires { requires M::frozen; };
}

template <class M, class Device, class T> class AdamW {
  using Number = wide<T>;
  static_assert(!detail::is_teacher<M>, "a teacher is never trained: give the optimiser the model of its student");

 public:
  AdamW(Model<M, Device, T>& model, AdamWConfig config = {}) : model_(&model), config_(config) {
    Device& device = model.device();
    const std::size_t bytes = static_cast<std::size_t>(model.trained()) * sizeof(Number);
    mean_ = static_cast<Number*>(device.allocate(bytes));
    square_ = static_cast<Number*>(device.allocate(bytes));
    device.template fill<Number>(mean_, model.trained(), Number(0));
    device.template fill<Number>(square_, model.trained(), Number(0));
    find_stretches();
    norm_ = static_cast<double*>(device.allocate(stretches_.size() * sizeof(double)));
  }
  AdamW(const AdamW&) = delete;
  AdamW& operator=(const AdamW&) = delete;
  ~AdamW() {
    model_->device().release(mean_);
    model_->device().release(square_);
    model_->device().release(norm_);
  }

  // The Euclidean length of all gradients together.
  double gradient_norm() const {
    double sum = 0;
    model_->device().download(&sum, sum_squares(), sizeof sum);
    return std::sqrt(sum);
  }
  // Its square, on the device.
  const double* sum_squares() const {
    kernel_forward(model_->device(), op::SumSquares{model_->trained()}, norm_, static_cast<const Number*>(model_->gradients()));
    return norm_;
  }
  // One step with the model's gradients, whose norm the caller has (gradient_norm()).
  void step(double rate, double norm) {
    ++steps_;
    if (config_.clipping == Clipping::each) find_norms();
    for (std::size_t i = 0; i < stretches_.size(); ++i) {
      const Stretch& s = stretches_[i];
      const double scale = config_.clip_norm > 0 ? std::min(1.0, config_.clip_norm / ((norms_.empty() ? norm : norms_[i]) + 1e-6)) : 1.0;
      update(s.from, s.from + s.count, {rate * s.factor, s.decayed ? config_.weight_decay : 0, scale});
    }
    run();
  }
  double step(double rate) {
    const double norm = gradient_norm();
    step(rate, norm);
    return norm;
  }

  // What a checkpoint keeps: steps taken, and the running means of the gradient and of its square, as long as the gradient.
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }
  Number* mean() const { return mean_; }
  Number* square() const { return square_; }
  const AdamWConfig& config() const { return config_; }
  void set_weight_decay(double decay) { config_.weight_decay = decay; }  // from the next step on

 private:
  // Neighbours in memory that are updated alike. Without layer decay and with one norm for all there are two: the decayed segment, and the
  // other.
  struct Stretch {
    std::int64_t from, count;
    double factor;  // of the learning rate
    bool decayed;
  };
  void find_stretches() {
    const LayerDecay layers(model_->parameters(), config_.layer_decay);
    std::vector<Stretch> undecayed;
    for (const ParameterEntry& p : model_->parameters()) {
      if (!p.trained) continue;
      const double factor = layers.factor(p.name);
      std::vector<Stretch>& all = p.decay ? stretches_ : undecayed;
      // In the order of visit(), as memory is.
      if (config_.clipping == Clipping::together && !all.empty() && all.back().factor == factor) all.back().count += p.count;
      else all.push_back({place_of(p), p.count, factor, p.decay});
    }
    stretches_.insert(stretches_.end(), undecayed.begin(), undecayed.end());
  }
  void find_norms() {
    Device& device = model_->device();
    for (std::size_t i = 0; i < stretches_.size(); ++i)
      kernel_forward(device, op::SumSquares{stretches_[i].count}, norm_ + i,
                     static_cast<const Number*>(model_->gradients() + stretches_[i].from));
    norms_.resize(stretches_.size());
    device.download(norms_.data(), norm_, norms_.size() * sizeof(double));
    for (double& n : norms_) n = std::sqrt(n);
  }
  std::int64_t place_of(const ParameterEntry& p) const { return static_cast<Number*>(*p.value) - model_->values(); }
  struct Numbers {
    double rate, decay, scale;
  };
  // Numbers from .. to - 1 of the model, alike, but for parameters that somebody has frozen since the model was made, and those that are
  // frozen for some steps, which count steps of their own.
  void update(std::int64_t from, std::int64_t to, const Numbers& numbers) {
    for (const ParameterEntry& p : model_->parameters()) {
      const std::int64_t at = place_of(p), frozen = *p.frozen_steps;
      const bool moves = *p.own_trained;
      if ((frozen == 0 && moves) || at < from || at >= to) continue;
      pass(from, at, numbers, steps_);
      if (moves && steps_ > frozen) pass(at, at + p.count, numbers, steps_ - frozen);
      from = at + p.count;
    }
    pass(from, to, numbers, steps_);
  }
  // Adds them to the stretches that the next kernel updates, which follow one another.
  void pass(std::int64_t from, std::int64_t to, const Numbers& numbers, std::int64_t steps) {
    if (from == to) return;
    if (next_.count == op::AdamW::most || from != next_from_ + next_.n()) run();
    if (next_.count == 0) next_from_ = from, next_.beta1 = config_.beta1, next_.beta2 = config_.beta2, next_.eps = config_.eps;
    const double t = static_cast<double>(steps);
    const double c1 = 1 - std::pow(config_.beta1, t), c2 = 1 - std::pow(config_.beta2, t);
    next_.stretches[next_.count++] = {to - from, numbers.rate, numbers.decay, c1, c2, numbers.scale};
  }
  void run() {
    if (next_.count == 0) return;
    const auto step = [&](auto*... rounded) {
      kernel_forward(model_->device(), next_, model_->values() + next_from_, mean_ + next_from_, square_ + next_from_, rounded...,
                     static_cast<const Number*>(model_->gradients() + next_from_));
    };
    if constexpr (Model<M, Device, T>::rounds) step(model_->rounded() + next_from_);
    else step();
    next_.count = 0;
  }

  Model<M, Device, T>* model_;
  AdamWConfig config_;
  Number *mean_ = nullptr, *square_ = nullptr;
  double* norm_ = nullptr;     // on the device, one for each stretch
  std::vector<double> norms_;  // the same here, where each parameter is clipped by its own
  std::vector<Stretch> stretches_;
  op::AdamW next_{};  // what the next kernel will do, from number next_from_ on
  std::int64_t next_from_ = 0;
  std::int64_t steps_ = 0;
};

}  // namespace vitrail
