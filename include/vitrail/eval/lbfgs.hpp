// L-BFGS (Nocedal 1980; Nocedal and Wright, "Numerical Optimization", algorithms 7.4 and 7.5) for smooth convex
// functions of many numbers: the whole-batch solver of the linear probe. No randomness, nothing to tune.
#pragma once
#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>
#include <vector>

namespace vitrail {

struct LbfgsConfig {
  int iterations = 200;     // at most
  int memory = 10;          // past steps that shape the next one
  double tolerance = 1e-5;  // stops when the gradient's length is below this share of the larger of 1 and |x|
};
struct LbfgsResult {
  double value = 0;          // of the function, at the end
  double gradient_norm = 0;  // there
  int iterations = 0;
  bool converged = false;
};

namespace detail {
using Vector = std::vector<double>;
inline double dot(const Vector& a, const Vector& b) {
  double lane[4] = {};
  const std::size_t whole = a.size() / 4 * 4;
  for (std::size_t i = 0; i < whole; i += 4)
    for (std::size_t l = 0; l < 4; ++l) lane[l] += a[i + l] * b[i + l];
  for (std::size_t i = whole; i < a.size(); ++i) lane[0] += a[i] * b[i];
  return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}
inline void add_scaled(Vector& to, double by, const Vector& x) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += by * x[i];
}

// Past steps and how they changed the gradient: an estimate of the inverse Hessian.
class CurvatureHistory {
 public:
  explicit CurvatureHistory(int memory) : memory_(static_cast<std::size_t>(memory)) {}
  bool empty() const { return pairs_.empty(); }
  void clear() { pairs_.clear(); }
  void add(Vector step, Vector change) {
    const double product = dot(step, change);
    if (!(product > 1e-12 * dot(change, change))) return;  // rounding made it flat: of no use
    if (pairs_.size() == memory_) pairs_.pop_front();
    pairs_.push_back({std::move(step), std::move(change), 1 / product});
  }
  // Minus the estimate times the gradient.
  Vector direction(const Vector& gradient) const {
    Vector q = gradient;
    Vector alpha(pairs_.size());
    for (std::size_t i = pairs_.size(); i-- > 0;) {
      alpha[i] = pairs_[i].inverse * dot(pairs_[i].step, q);
      add_scaled(q, -alpha[i], pairs_[i].change);
    }
    const double scale = empty() ? 1 / std::max(1e-12, std::sqrt(dot(q, q)))
                                 : 1 / (pairs_.back().inverse * dot(pairs_.back().change, pairs_.back().change));
    for (double& x : q) x *= -scale;
    for (std::size_t i = 0; i < pairs_.size(); ++i)
      add_scaled(q, -alpha[i] - pairs_[i].inverse * dot(pairs_[i].change, q), pairs_[i].step);
    return q;
  }

 private:
  struct Pair {
    Vector step, change;
    double inverse;
  };
  std::size_t memory_;
  std::deque<Pair> pairs_;
};
}  // namespace detail

// Minimises f from x on; x becomes the place found. f(x, gradient) fills the gradient and returns the value. Ends early
// where no smaller value is found along the direction, as at the end of f's precision.
template <class F>
LbfgsResult minimise(std::vector<double>& x, F f, const LbfgsConfig& config = {}) {
  detail::CurvatureHistory history(config.memory);
  detail::Vector gradient(x.size()), trial(x.size()), trial_gradient(x.size());
  LbfgsResult out;
  out.value = f(x, gradient);
  while (true) {
    out.gradient_norm = std::sqrt(detail::dot(gradient, gradient));
    out.converged = out.gradient_norm <= config.tolerance * std::max(1.0, std::sqrt(detail::dot(x, x)));
    if (out.converged || out.iterations == config.iterations) return out;
    const detail::Vector direction = history.direction(gradient);
    const double slope = detail::dot(direction, gradient);
    double step = 1, value = out.value;
    bool found = false;
    for (int halvings = 0; halvings < 20 && !found; ++halvings, step /= 2) {
      trial = x;
      detail::add_scaled(trial, step, direction);
      value = f(trial, trial_gradient);
      // Armijo's condition; or Hager and Zhang's (2005), as near the end values lose their digits before slopes do.
      const bool level = value <= out.value + 1e-7 * std::abs(out.value);
      found =
          value <= out.value + 1e-4 * step * slope || (level && detail::dot(direction, trial_gradient) <= -0.8 * slope);
    }
    if (!found && history.empty()) return out;
    if (!found) {  // once more, straight down
      history.clear();
      continue;
    }
    detail::Vector change = trial_gradient, moved = trial;
    detail::add_scaled(change, -1, gradient);
    detail::add_scaled(moved, -1, x);
    history.add(std::move(moved), std::move(change));
    x.swap(trial), gradient.swap(trial_gradient);
    out.value = value;
    ++out.iterations;
  }
}

}  // namespace vitrail
