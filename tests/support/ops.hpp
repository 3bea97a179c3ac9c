// What tests of single ops share: parameters without a layer, and gradients of any function against differences in every
// way in which a gradient can be written.
#pragma once
#include <doctest/doctest.h>

#include <tuple>

#include "models.hpp"
#include "vitrail/autograd/gradcheck.hpp"
#include "vitrail/ops/arithmetic.hpp"
#include "vitrail/ops/reduce.hpp"

// Parameters of these shapes: `std::get<0>(model->all)`.
template <class... S> struct Bag {
  std::tuple<vitrail::Parameter<S>...> all{};
  constexpr void visit(auto&& f) {
    std::apply([&](auto&... each) { (f("p", each), ...); }, all);
  }
};
template <class T, class... S> struct Weights {
  vitrail::Model<Bag<S...>, vitrail::Cpu, T> model;

  explicit Weights(vitrail::Cpu& device, std::uint64_t seed = 3) : model(device, vitrail::Random(seed)) {
    spread_weights(model, 0.7, seed);
  }
  template <int I> const auto& get() const { return std::get<I>(model->all); }
};

// A device with room for a test's numbers. One seed gives one tensor.
template <class T, class D = vitrail::Cpu> struct Bench {
  D device;
  vitrail::Arena<D> memory{device};
  vitrail::Tape<D> tape{device};
  vitrail::Sampler sampler{vitrail::Random(0)};

  explicit Bench(int threads = 1) : device(threads) {}
  explicit Bench(const vitrail::CpuConfig& config) : device(config) {}

  template <auto... E> auto random(int batch = 0, std::uint64_t seed = 1) {
    return noise<vitrail::Shape<E...>, T>(memory, batch, seed);
  }
  // `Count` integers below `limit` for each sequence; distinct ones ascending, like a mask's, or any.
  template <int Count> auto indices(int batch, int limit, bool distinct = true, std::uint64_t seed = 1) {
    const auto out = sampler.template indices<Count>(batch);
    vitrail::Random random(seed);
    for (int b = 0; b < batch; ++b) {
      std::vector<int> all(static_cast<std::size_t>(limit));
      for (int i = 0; i < limit; ++i) all[static_cast<std::size_t>(i)] = i;
      random.shuffle(all.data(), limit);
      if (distinct) std::sort(all.begin(), all.begin() + Count);
      for (int j = 0; j < Count; ++j) out.row(b)[j] = distinct ? all[static_cast<std::size_t>(j)] : random.below(limit);
    }
    return out;
  }
};

// A number made of every element of y with another weight for each, so that no gradient is alike.
template <class Y> auto weighted(const Y& y) {
  using namespace vitrail;
  if constexpr (shape_of<Y>::rank == 0) return y;
  else return sum(y * noise<shape_of<Y>, scalar_of<Y>>(y.tape->values(), y.shape.leading(), 99));
}
template <class X> auto squares(const X& x) { return vitrail::sum(vitrail::map([](auto a) { return a * a; }, x)); }

inline void check_small(const vitrail::GradientError& error) {
  CAPTURE(error.where);
  CAPTURE(error.exact);
  CAPTURE(error.numeric);
  CHECK(error.worst <= 1e-6);
}

// The gradients of f(inputs...), whose result may have any shape: alone, where they are assigned; with every input used
// again behind f, where f's closure adds to what is there; and before f, where the other closure adds to what f wrote.
template <class F, class... S> void check_op(F f, const vitrail::Tensor<S, vitrail::Cpu, double>&... inputs) {
  using namespace vitrail;
  const auto alone = [&](auto&, const auto&... x) { return weighted(f(x...)); };
  const auto used_again = [&](auto&, const auto&... x) {
    auto loss = weighted(f(x...));
    ((loss = loss + squares(x)), ...);
    return loss;
  };
  const auto used_before = [&](auto&, const auto& first, const auto&... rest) {
    auto before = squares(first);
    ((before = before + squares(rest)), ...);
    const auto after = weighted(f(first, rest...));
    return before + after;
  };
  check_small(gradcheck(alone, GradcheckOptions{}, inputs...));
  check_small(gradcheck(used_again, GradcheckOptions{}, inputs...));
  check_small(gradcheck(used_before, GradcheckOptions{}, inputs...));
}
// The same with parameters.
template <class... P, class F, class... S>
void check_op(Weights<double, P...>& weights, F f, const vitrail::Tensor<S, vitrail::Cpu, double>&... inputs) {
  using namespace vitrail;
  auto& model = weights.model;
  const auto run = [&](auto&, const auto&... x) { return weighted(f(x...)); };
  const auto again = [&](auto&, const auto&... x) {
    auto loss = weighted(f(x...));
    ((loss = loss + squares(x)), ...);
    return loss;
  };
  const auto twice = [&](auto&, const auto&... x) {  // every parameter's gradient is added to
    const auto first = weighted(f(x...));
    const auto second = weighted(f(x...));
    return first + 0.5 * second;
  };
  check_small(gradcheck(model, run, GradcheckOptions{}, inputs...));
  check_small(gradcheck(model, again, GradcheckOptions{}, inputs...));
  check_small(gradcheck(model, twice, GradcheckOptions{}, inputs...));
}

template <class X> std::vector<double> numbers(const X& x) {
  return std::vector<double>(x.data(), x.data() + x.shape.size());
}
// The largest difference of two lists of one length.
inline double apart(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(a[i] - b[i]);
    worst = std::isfinite(difference) ? std::max(worst, difference) : INFINITY;
  }
  return worst;
}
