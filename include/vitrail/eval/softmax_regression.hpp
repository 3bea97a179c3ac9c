// Multinomial logistic regression on fixed features: the function that the linear probe minimises.
#pragma once
#include "../backends/cpu.hpp"
#include "features.hpp"
#include "lbfgs.hpp"

namespace vitrail {

// The mean cross-entropy of labels given features, plus weight_decay / 2 times the squared length of the weights (not
// of the biases): strictly convex, so that it has one minimum. Parameters: weights (K, D), then biases (K).
class SoftmaxRegression {
 public:
  // `features` must stay alive. Labels lie in 0 .. classes - 1.
  SoftmaxRegression(Cpu& cpu, const Features& features, int classes)
      : cpu_(&cpu), features_(&features), classes_(classes), chunk_(std::max(128, (features.count + 15) / 16)) {
    const std::size_t chunks = static_cast<std::size_t>((features.count + chunk_ - 1) / chunk_);
    weights_.resize(weight_count());
    logits_.resize(static_cast<std::size_t>(features.count) * static_cast<std::size_t>(classes));
    partial_.resize(chunks * weight_count());
    loss_.resize(chunks);
    bias_.resize(chunks * static_cast<std::size_t>(classes));
  }

  std::size_t size() const { return weight_count() + static_cast<std::size_t>(classes_); }  // of the parameters

  // The value, nats, and its gradient. Chunks of rows do not depend on threads, and are added in order.
  double operator()(const std::vector<double>& x, std::vector<double>& gradient, double weight_decay) {
    std::copy(x.begin(), x.end() - classes_, weights_.begin());
    const int chunks = static_cast<int>(loss_.size());
    cpu_->parallel(chunks, [&](int chunk, int) { differentiate(chunk, x); });
    double loss = 0, squares = 0;
    std::fill(gradient.begin(), gradient.end(), 0.0);
    for (std::size_t c = 0; c < loss_.size(); ++c) {
      loss += loss_[c];
      const float* const from = partial_.data() + c * weight_count();
      for (std::size_t i = 0; i < weight_count(); ++i) gradient[i] += static_cast<double>(from[i]);
      for (int k = 0; k < classes_; ++k) gradient[weight_count() + place(k)] += bias_[c * place(classes_) + place(k)];
    }
    const double share = 1.0 / features_->count;
    for (double& g : gradient) g *= share;
    for (std::size_t i = 0; i < weight_count(); ++i) gradient[i] += weight_decay * x[i], squares += x[i] * x[i];
    return share * loss + 0.5 * weight_decay * squares;
  }

  // The likeliest class of each row of `features`, which may be another set.
  static std::vector<int> predict(Cpu& cpu, const Features& features, int classes, const std::vector<double>& x) {
    SoftmaxRegression on(cpu, features, classes);
    std::copy(x.begin(), x.end() - classes, on.weights_.begin());
    std::vector<int> out(static_cast<std::size_t>(features.count));
    cpu.parallel(static_cast<int>(on.loss_.size()), [&](int chunk, int) {
      on.score(chunk, x);
      for (int i = on.begin(chunk); i < on.end(chunk); ++i) {
        const float* const row = on.row(i);
        out[place(i)] = static_cast<int>(std::max_element(row, row + classes) - row);
      }
    });
    return out;
  }

 private:
  static std::size_t place(int i) { return static_cast<std::size_t>(i); }
  std::size_t weight_count() const { return place(classes_) * place(features_->dim); }
  int begin(int chunk) const { return chunk * chunk_; }
  int end(int chunk) const { return std::min(features_->count, (chunk + 1) * chunk_); }
  float* row(int i) { return logits_.data() + place(i) * place(classes_); }

  // logits = features weights^T + biases, for one chunk of rows.
  void score(int chunk, const std::vector<double>& x) {
    const int first = begin(chunk), rows = end(chunk) - first, dim = features_->dim;
    cpu::product<float>(rows, classes_, dim, {features_->row(first), dim}, {weights_.data(), dim, true}, cpu::result(row(first), classes_));
    const double* const biases = x.data() + weight_count();
    for (int i = first; i < end(chunk); ++i)
      for (int k = 0; k < classes_; ++k) row(i)[k] += static_cast<float>(biases[k]);
  }
  // Softmax minus one-hot takes the logits' place; then weights' gradient = (softmax - one-hot)^T features.
  void differentiate(int chunk, const std::vector<double>& x) {
    score(chunk, x);
    const int first = begin(chunk), last = end(chunk), dim = features_->dim;
    double* const bias = bias_.data() + place(chunk) * place(classes_);
    std::fill(bias, bias + classes_, 0.0);
    double loss = 0;
    for (int i = first; i < last; ++i) {
      float* const p = row(i);
      const int label = features_->labels[place(i)];
      const double top = static_cast<double>(*std::max_element(p, p + classes_)),
                   chosen = static_cast<double>(p[label]);
      double sum = 0;
      for (int k = 0; k < classes_; ++k) sum += std::exp(static_cast<double>(p[k]) - top);
      loss += std::log(sum) + top - chosen;
      for (int k = 0; k < classes_; ++k) {
        const double error = std::exp(static_cast<double>(p[k]) - top) / sum - (k == label ? 1 : 0);
        bias[k] += error;
        p[k] = static_cast<float>(error);
      }
    }
    loss_[place(chunk)] = loss;
    cpu::product<float>(classes_, dim, last - first, {row(first), classes_, true}, {features_->row(first), dim},
                        cpu::result(partial_.data() + place(chunk) * weight_count(), dim));
  }

  Cpu* cpu_;
  const Features* features_;
  int classes_, chunk_;
  std::vector<float> weights_, logits_;  // (K, D), (count, K)
  std::vector<float> partial_;           // (chunks, K, D)
  std::vector<double> loss_, bias_;      // (chunks), (chunks, K)
};

}  // namespace vitrail
