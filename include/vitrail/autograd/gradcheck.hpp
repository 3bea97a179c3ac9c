// gradcheck: the gradients that backward() gives, against finite differences of the forward pass. For tests of new ops
// and models; in double only, where differences are good to nine digits.
#pragma once
#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "run.hpp"

namespace vitrail {

struct GradcheckOptions {
  double step = 1e-3;         // h, in the units of parameters and inputs
  double floor = 1e-2;        // entries below this share of the largest gradient count as that large: see GradientError
  std::int64_t at_most = 0;   // entries tried per input and of the model, evenly spread; 0: all
  std::uint64_t key = 1;      // what ops draw (drop path): the same in every evaluation
};

// The worst entry found. The error of one is |numeric - exact| / max(|numeric|, |exact|, floor * largest), where `largest`
// is the largest |exact| of all entries: relative to the entry itself, except that tiny entries, whose own digits drown in
// the rounding of f, are measured against a hundredth of the largest. It does not change when f is scaled.
struct GradientError {
  double worst = 0;
  double exact = 0, numeric = 0;
  std::string where;  // "parameters[17]", "input 0[3]"; empty if there was nothing to check
};

// For a function of inputs alone, in place of a model.
template <class Device> struct NoParameters {
  Device* at;
  Device& device() const { return *at; }
  double* values() const { return nullptr; }
  double* gradients() const { return nullptr; }
  std::int64_t trained() const { return 0; }
};

namespace detail {
// One buffer of numbers in the device's memory, and their gradients as backward() gave them.
struct Differentiated {
  std::string name;
  double* at;
  std::vector<double> exact;
};
template <class Device> std::vector<double> downloaded(Device& device, const double* from, std::int64_t count) {
  std::vector<double> to(static_cast<std::size_t>(count));
  if (from != nullptr && count > 0) device.download(to.data(), from, to.size() * sizeof(double));
  return to;
}
// f' at *x by four values of f: (8 (f(x + h) - f(x - h)) - (f(x + 2h) - f(x - 2h))) / 12 h. Error h^4 f^(5) / 30.
template <class Device, class F> double central_difference(Device& device, double* x, double h, F f) {
  double kept = 0;
  device.download(&kept, x, sizeof kept);
  const auto at = [&](double steps) {
    const double moved = kept + steps * h;
    device.upload(x, &moved, sizeof moved);
    return f();
  };
  const double near = at(1) - at(-1), far = at(2) - at(-2);
  device.upload(x, &kept, sizeof kept);
  return (8 * near - far) / (12 * h);
}
template <class Device, class F>
GradientError compare(Device& device, const std::vector<Differentiated>& all, const GradcheckOptions& options, F f) {
  double largest = 0;
  for (const Differentiated& d : all)
    for (const double g : d.exact) largest = std::max(largest, std::abs(g));
  const double smallest = largest > 0 ? options.floor * largest : 1;
  GradientError found;
  for (const Differentiated& d : all) {
    const std::size_t size = d.exact.size(), most = static_cast<std::size_t>(options.at_most);
    const std::size_t stride = most == 0 || size <= most ? 1 : (size + most - 1) / most;
    for (std::size_t i = 0; i < size; i += stride) {
      const double exact = d.exact[i], numeric = central_difference(device, d.at + i, options.step, f);
      const double error = std::abs(numeric - exact) / std::max({std::abs(numeric), std::abs(exact), smallest});
      if (!found.where.empty() && error <= found.worst) continue;  // false for NaN as well
      found = {std::isfinite(error) ? error : INFINITY, exact, numeric, d.name + "[" + std::to_string(i) + "]"};
    }
  }
  return found;
}
}  // namespace detail

// Checks the gradients of f(tape, inputs...) -> Var<Shape<>>, a number, by every trained parameter of the model and by
// every input. `model` is a Model<..., double> or alike: device(), values(), gradients(), trained(). f must give the same
// number each time it is called. Parameters and inputs are moved by up to two steps and put back exactly; the model's
// gradients afterwards are those of f.
template <class M, class F, class... S, class Device = void>
GradientError gradcheck(M& model, F f, const GradcheckOptions& options, const Tensor<S, Device, double>&... inputs) {
  auto& device = model.device();
  using Home = std::remove_reference_t<decltype(device)>;
  Tape<Home> tape(device);
  std::vector<detail::Differentiated> all;
  device.template fill<double>(model.gradients(), model.trained(), 0.0);
  tape.reset(options.key);
  const auto run_with = [&](const auto&... x) {  // as variables, whose slots hold the gradients
    tape.backward(f(tape, x...));
    all.push_back({"parameters", model.values(), detail::downloaded(device, model.gradients(), model.trained())});
    int number = 0;
    (all.push_back({"input " + std::to_string(number++), x.data(),
                    detail::downloaded(device, x.slot->written ? x.grad() : nullptr, x.shape.size())}),
     ...);
  };
  std::apply(run_with, std::tuple<Var<S, Home, double>...>{tape.differentiable_input(inputs)...});
  return detail::compare(device, all, options, [&] {
    tape.reset(options.key);
    const auto loss = f(tape, tape.input(inputs)...);
    double value = 0;
    device.download(&value, loss.data(), sizeof value);
    return value;
  });
}
template <class M, class F> GradientError gradcheck(M& model, F f) { return gradcheck(model, f, GradcheckOptions{}); }

// The same for a function of inputs alone.
template <class F, class S, class... Ss, class Device>
GradientError gradcheck(F f, const GradcheckOptions& options, const Tensor<S, Device, double>& x,
                        const Tensor<Ss, Device, double>&... inputs) {
  const NoParameters<Device> none{&x.device()};
  return gradcheck(none, f, options, x, inputs...);
}

}  // namespace vitrail
