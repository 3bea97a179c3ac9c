// Model: a module with memory. All parameters lie in one buffer, [decayed | not decayed | frozen], and the gradients of the
// first two segments in another, so that the optimiser, clipping, averaging and saving are each a call or two.
#pragma once
#include <vector>

#include "../backends/catalog.hpp"
#include "init.hpp"
#include "module.hpp"

namespace vitrail {

template <class M, class Device, class T = float> class Model {
 public:
  using module_type = M;
  using device_type = Device;
  using scalar = T;

  Model(Device& device, Random random) : device_(&device) {
    each_parameter(module_, detail::CollectParameters{&parameters_});
    place();
    for (const ParameterEntry& p : parameters_) {
      std::vector<T> values(static_cast<std::size_t>(p.count));
      const bool one = p.extents.empty();
      fill_initial(values, p.init, one ? 1 : static_cast<int>(p.extents.front()), one ? 1 : static_cast<int>(p.extents.back()),
                   random.stream(p.hash));
      if (p.scale != 1)
        for (T& v : values) v *= static_cast<T>(p.scale);
      device_->upload(*p.value, values.data(), values.size() * sizeof(T));
    }
    if constexpr (requires { module_.start(); }) module_.start();  // a teacher begins as a copy
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  ~Model() {
    device_->release(values_);
    device_->release(gradients_);
  }

  M* operator->() { return &module_; }
  const M* operator->() const { return &module_; }
  M& operator*() { return module_; }
  const M& operator*() const { return module_; }

  Device& device() const { return *device_; }
  const std::vector<ParameterEntry>& parameters() const { return parameters_; }  // in the order of visit()
  T* values() const { return values_; }
  T* gradients() const { return gradients_; }
  std::int64_t decayed() const { return decayed_; }    // numbers in the first segment
  std::int64_t trained() const { return trained_; }    // numbers in the first two: the length of the gradient buffer
  std::int64_t size() const { return size_; }          // all numbers
  void zero_gradients() { device_->template fill<T>(gradients_, trained_, T(0)); }

 private:
  void place() {
    std::int64_t frozen = 0, plain = 0;
    for (const ParameterEntry& p : parameters_) (!p.trained ? frozen : p.decay ? decayed_ : plain) += p.count;
    trained_ = decayed_ + plain, size_ = trained_ + frozen;
    values_ = static_cast<T*>(device_->allocate(static_cast<std::size_t>(size_) * sizeof(T)));
    gradients_ = static_cast<T*>(device_->allocate(static_cast<std::size_t>(trained_) * sizeof(T)));
    zero_gradients();
    home_ = {&scalar_tag<T>, sizeof(T) == 8 ? "F64" : "F32", sizeof(T), device_,
             [](void* d, void* to, const void* from, std::size_t n) { static_cast<Device*>(d)->download(to, from, n); },
             [](void* d, void* to, const void* from, std::size_t n) { static_cast<Device*>(d)->upload(to, from, n); },
             [](void* d, void* to, const void* from, std::int64_t n, double keep) {
               kernel_forward(*static_cast<Device*>(d), op::Blend{n, keep}, static_cast<T*>(to), static_cast<const T*>(from));
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

  Device* device_;
  M module_{};
  std::vector<ParameterEntry> parameters_;
  BufferHome home_;
  T *values_ = nullptr, *gradients_ = nullptr;
  std::int64_t decayed_ = 0, trained_ = 0, size_ = 0;
};

}  // namespace vitrail
