// What each layer of an objective costs: cost() by rows. The same step on a device that counts, and looks whose parameters a kernel
// is given.
#pragma once
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cost.hpp"

namespace vitrail {

// A row: a block of a transformer, or what else has parameters of its own. A kernel without parameters (attention, a sum, a loss) counts to
// the layer before it.
struct LayerCost {
  std::string name;                                 // "encoder.blocks.3"
  std::int64_t parameters = 0;                      // trained numbers
  std::int64_t forward_flops = 0, backward_flops = 0;
  std::int64_t value_bytes = 0;                     // kept from forward to backward
};

// The device: no memory but for parameters' addresses, by which it knows them.
struct LayerPlan {
  static constexpr bool has_memory = false;
  std::vector<LayerCost> layers;

  void* allocate(std::size_t) { return nullptr; }
  void release(void*) {}
  void upload(void*, const void*, std::size_t) {}
  void download(void*, const void*, std::size_t) {}
  template <class T> void fill(T*, std::int64_t, T) {}
  void synchronise() {}

  // "encoder.blocks.3.attn.qkv.weight" -> "encoder.blocks.3"; "head.weight" -> "head".
  static std::string layer_name(const std::string& parameter) {
    const std::size_t blocks = parameter.find("blocks.");
    if (blocks != std::string::npos) return parameter.substr(0, parameter.find('.', blocks + 7));
    const std::size_t last = parameter.rfind('.');
    return last == std::string::npos ? parameter : parameter.substr(0, last);
  }
  // Parameters get addresses, and layers in the order of visit().
  void place(const std::vector<ParameterEntry>& parameters, BufferHome& home, std::size_t rounded_bytes) {
    std::int64_t all = 0;
    for (const ParameterEntry& p : parameters) all += p.count;
    const std::size_t each = home.scalar_bytes, bytes_of_all = static_cast<std::size_t>(all) * each;
    memory_.reset(new char[3 * bytes_of_all]);  // never touched: values, gradients, rounded values
    char *at = memory_.get(), *const rounded = at + 2 * bytes_of_all;
    home.first = at, home.copy = rounded;
    for (const ParameterEntry& p : parameters) {
      const std::string name = layer_name(p.name);
      const auto found = std::find_if(layers.begin(), layers.end(), [&](const LayerCost& l) { return l.name == name; });
      const auto layer = static_cast<std::size_t>(found - layers.begin());
      if (found == layers.end()) layers.push_back({name});
      layers[layer].parameters += p.trained ? p.count : 0;
      const std::size_t bytes = static_cast<std::size_t>(p.count) * each;
      *p.value = at, *p.gradient = at + bytes_of_all, *p.home = &home, *p.own_trained = p.trained;
      const std::size_t done = static_cast<std::size_t>(at - memory_.get()) / each * rounded_bytes;
      places_.push_back({at, at + bytes, layer});
      places_.push_back({at + bytes_of_all, at + bytes_of_all + bytes, layer});
      places_.push_back({rounded + done, rounded + done + bytes / each * rounded_bytes, layer});
      at += bytes;
    }
  }
  void watch(const Arena<LayerPlan>& values) { values_ = &values; }

  template <class... A> LayerCost& layer_of_kernel(const A&... a) {
    const std::int64_t more = static_cast<std::int64_t>(values_->used()) - used_;
    used_ += more;
    if (more < 0) layers[now_].value_bytes += more;  // a block that will be computed again has given its values back
    (look(a), ...);
    if (more > 0) layers[now_].value_bytes += more;
    return layers[now_];
  }

 private:
  struct Stretch {
    const char *from, *to;
    std::size_t layer;
  };
  template <class A> void look(const A& a) {
    if constexpr (detail::is_sink<A>) find(a.to);
    else if constexpr (std::is_pointer_v<A>) find(a);
  }
  void find(const void* p) {
    const char* at = static_cast<const char*>(p);
    for (const Stretch& s : places_)
      if (at >= s.from && at < s.to) now_ = s.layer;
  }

  std::unique_ptr<char[]> memory_;
  std::vector<Stretch> places_;
  const Arena<LayerPlan>* values_ = nullptr;
  std::int64_t used_ = 0;
  std::size_t now_ = 0;
};

template <class Op> struct Kernel<Op, LayerPlan> {
  static void forward(LayerPlan& plan, const Op& op, auto... a) { plan.layer_of_kernel(a...).forward_flops += op.forward_flops(); }
  static void backward(LayerPlan& plan, const Op& op, auto... a) {
    plan.layer_of_kernel(a...).backward_flops += op.backward_flops(wanted_sinks(a...));
  }
};

// The rows of one training step of a batch of this size. Their sums are cost<Objective>(batch)'s parameters, FLOPs and value_bytes; where
// blocks are computed again, value_bytes are those of the end of the step, and its peak is higher.
template <class Objective, class T = float> std::vector<LayerCost> layer_costs(int batch) {
  LayerPlan plan;
  BufferHome home{.scalar = &scalar_tag<T>, .scalar_bytes = sizeof(wide<T>)};
  Sampler sampler{Sampler::Blank{}};
  Objective objective{};
  plan.place(parameters_of(objective), home, sizeof(T));
  Tape<LayerPlan> tape{plan};
  plan.watch(tape.values());
  const auto part = draw_for(objective, sampler, batch, nullptr);
  const auto result = loss_on_views(objective, batch, part, [&]<class S>(S shape) {
    return tape.input(Tensor<S, LayerPlan, T>{nullptr, &tape.values(), shape});
  });
  tape.backward(loss_of(result));
  return plan.layers;
}

// A table with a line for the sums: thousands of parameters, GFLOP, MB.
inline std::string text(const std::vector<LayerCost>& layers) {
  LayerCost sum{"all"};
  std::size_t width = 5;
  for (const LayerCost& l : layers) {
    width = std::max(width, l.name.size());
    sum.parameters += l.parameters, sum.forward_flops += l.forward_flops;
    sum.backward_flops += l.backward_flops, sum.value_bytes += l.value_bytes;
  }
  std::string out = "layer";
  out.resize(width, ' ');
  out += "  parameters/1000  GFLOP forward  backward  MB of values\n";
  const auto line = [&](const LayerCost& l) {
    char numbers[120];
    std::snprintf(numbers, sizeof numbers, "  %15.1f  %13.3f  %8.3f  %12.2f\n", 1e-3 * static_cast<double>(l.parameters),
                  1e-9 * static_cast<double>(l.forward_flops), 1e-9 * static_cast<double>(l.backward_flops),
                  1e-6 * static_cast<double>(l.value_bytes));
    std::string name = l.name;
    name.resize(width, ' ');
    out += name + numbers;
  };
  for (const LayerCost& l : layers) line(l);
  line(sum);
  return out;
}

}  // namespace vitrail
