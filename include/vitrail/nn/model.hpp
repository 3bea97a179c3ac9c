// Model: a module with memory. All parameters lie in one buffer, [decayed | not decayed | frozen], and the gradients of the
// first two segments in another, so that the optimiser, clipping, averaging and saving are each a call or two.
//
// T is the scalar of a step's values. Parameters and their gradients are wide<T>; where that is not T (bfloat16: parameters are float), a
// third buffer holds parameters rounded to T, which kernels read. It is made anew by whoever writes parameters through this class, through
// their BufferHome or as AdamW; who writes values() in another way calls round_values().
#pragma once
#include <functional>
#include <type_traits>
#include <vector>

#include "../backends/catalog.hpp"
#include "../backends/device.hpp"
#include "init.hpp"
#include "module.hpp"

namespace vitrail {

template <class M, class Device, class T = float> class Model {
 public:
  using module_type = M;
  using device_type = Device;
  using scalar = T;
  static constexpr bool rounds = !std::is_same_v<T, wide<T>>;
  static_assert(keeps_scalar<Device, T>,
                "this device keeps no values of this scalar: vitrail::Cpu keeps float and double, vitrail::Cuda float and bfloat16");

  Model(Device& device, Random random) : device_(&device) {
    each_parameter(module_, detail::CollectParameters{&parameters_});
    place();
    for (const ParameterEntry& p : parameters_) {
      std::vector<wide<T>> values(static_cast<std::size_t>(p.count));
      const bool one = p.extents.empty();
      fill_initial(values, p.init, one ? 1 : static_cast<int>(p.extents.front()), one ? 1 : static_cast<int>(p.extents.back()),
                   random.stream(p.hash));
      if (p.scale != 1)
        for (wide<T>& v : values) v *= static_cast<wide<T>>(p.scale);
      device_->upload(*p.value, values.data(), values.size() * sizeof(wide<T>));
    }
    round_values();
    if constexpr (requires { module_.start(); }) module_.start();  // a teacher begins as a copy
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  ~Model() {
    device_->release(values_);
    device_->release(gradients_);
    if constexpr (rounds) device_->release(rounded_);
  }

  M* operator->() { return &module_; }
  const M* operator->() const { return &module_; }
  M& operator*() { return module_; }
  const M& operator*() const { return module_; }

  Device& device() const { return *device_; }
  const std::vector<ParameterEntry>& parameters() const { return parameters_; }  // in the order of visit()
  wide<T>* values() const { return values_; }
  wide<T>* gradients() const { return gradients_; }
  T* rounded() const { return rounded_; }  // values() as kernels read them; null where those are T
  std::int64_t decayed() const { return decayed_; }    // numbers in the first segment
  std::int64_t trained() const { return trained_; }    // numbers in the first two: the length of the gradient buffer
  std::int64_t size() const { return size_; }          // all numbers
  void zero_gradients() { device_->template fill<wide<T>>(gradients_, trained_, wide<T>(0)); }
  // What kernels read, from values(). Nothing to do where kernels read those.
  void round_values() { round_values(0, size_); }
  void round_values([[maybe_unused]] std::int64_t from, [[maybe_unused]] std::int64_t count) {
    if constexpr (rounds)
      kernel_forward(*device_, op::Round{count}, rounded_ + from, static_cast<const wide<T>*>(values_ + from));
  }

 private:
  void place() {
    std::int64_t frozen = 0, plain = 0;
    for (const ParameterEntry& p : parameters_) (!p.trained ? frozen : p.decay ? decayed_ : plain) += p.count;
    trained_ = decayed_ + plain, size_ = trained_ + frozen;
    using Number = wide<T>;
    values_ = static_cast<Number*>(device_->allocate(static_cast<std::size_t>(size_) * sizeof(Number)));
    gradients_ = static_cast<Number*>(device_->allocate(static_cast<std::size_t>(trained_) * sizeof(Number)));
    if constexpr (rounds) rounded_ = static_cast<T*>(device_->allocate(static_cast<std::size_t>(size_) * sizeof(T)));
    zero_gradients();
    home_ = {&scalar_tag<T>, sizeof(Number) == 8 ? "F64" : "F32", sizeof(Number), this, values_, rounded_,
             [](void* model, void* to, const void* from, std::size_t n) { static_cast<Model*>(model)->device_->download(to, from, n); },
             [](void* model, void* to, const void* from, std::size_t n) {
               Model& m = *static_cast<Model*>(model);
               m.device_->upload(to, from, n);
               m.written(to, static_cast<std::int64_t>(n / sizeof(Number)));
             },
             [](void* model, void* to, const void* from, std::int64_t n, double keep) {
               Model& m = *static_cast<Model*>(model);
               kernel_forward(*m.device_, op::Blend{n, keep}, static_cast<Number*>(to), static_cast<const Number*>(from));
               m.written(to, n);
             }};
    std::int64_t next[3] = {0, decayed_, trained_};
    for (const ParameterEntry& p : parameters_) {
      std::int64_t& offset = next[!p.trained ? 2 : p.decay ? 0 : 1];
      *p.value = values_ + offset;
      *p.gradient = p.trained ? gradients_ + offset : nullptr;
      *p.own_trained = p.trained;
      *p.home = &home_;
      offset += p.count;
    }
  }

  // `at`: among the values, or a buffer of the same home that is none of theirs, such as an optimiser's.
  void written([[maybe_unused]] const void* at, [[maybe_unused]] std::int64_t count) {
    if constexpr (rounds) {
      const auto* const first = static_cast<const wide<T>*>(at);
      if (!std::less<>{}(first, values_) && std::less<>{}(first, values_ + size_)) round_values(first - values_, count);
    }
  }

  Device* device_;
  M module_{};
  std::vector<ParameterEntry> parameters_;
  BufferHome home_;
  wide<T> *values_ = nullptr, *gradients_ = nullptr;
  T* rounded_ = nullptr;
  std::int64_t decayed_ = 0, trained_ = 0, size_ = 0;
};

}  // namespace vitrail
