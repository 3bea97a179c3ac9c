// Where the programs compute: on the processor; or, where they are compiled as CUDA, on an NVIDIA card. This file is the difference.
#pragma once
#include <memory>
#include <string>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/core/random.hpp>
#include <vitrail/fwd.hpp>
#include <vitrail/io/config.hpp>
#include <vitrail/train/loader.hpp>

#if defined(__CUDACC__)

#include <vitrail/backends/cuda.hpp>

using Device = vitrail::Cuda;
using ValueType = vitrail::bfloat16;  // of a step; parameters, statistics and losses are floats

struct DeviceOptions {
  int threads = 0, card = 0;
  bool graphs = false, epilogues = false, tune = false;
  std::string rendering = "loader";

  vitrail::CudaConfig config() const { return {.card = card, .tune = tune, .epilogues = epilogues, .graphs = graphs}; }
  vitrail::Rendering views_by() const { return rendering == "card" ? vitrail::Rendering::by_device : vitrail::Rendering::by_loader; }
};

#else

using Device = vitrail::Cpu;
using ValueType = float;

struct DeviceOptions {
  int threads = 0;
  std::string precision = "full";

  vitrail::CpuConfig config() const {
    return {.threads = threads, .precision = precision == "bf16" ? vitrail::Precision::bf16 : vitrail::Precision::full};
  }
  vitrail::Rendering views_by() const { return vitrail::Rendering::by_loader; }  // who makes views for training
};

#endif

void declare_device(vitrail::Settings& settings, DeviceOptions& o);

// Throws ConfigError if a plan needs more bytes than the device has in all, before the first step instead of in the middle. Says nothing
// where the device does not tell.
void require_memory(const Device& device, std::size_t bytes);

// What runs on the processor in any case: k-NN, probes, clusters, pictures. The device itself, where it is that; else another beside it.
template <class D> class Host {
 public:
  Host(D& device, [[maybe_unused]] const DeviceOptions& o) {
    if constexpr (std::is_same_v<D, vitrail::Cpu>) cpu_ = &device;
    else own_ = std::make_unique<vitrail::Cpu>(o.threads), cpu_ = own_.get();
  }
  vitrail::Cpu& cpu() const { return *cpu_; }

  // f(module) with the model's module where the processor can look into it: itself, or a copy of its parameters.
  template <class M, class T, class F> void look_into(vitrail::Model<M, D, T>& model, F f) const {
    if constexpr (std::is_same_v<D, vitrail::Cpu>) {
      f(*model);
    } else {
      vitrail::Model<M, vitrail::Cpu, float> copy{*cpu_, vitrail::Random{0}};
      model.device().download(copy.values(), model.values(), static_cast<std::size_t>(model.size()) * sizeof(float));
      f(*copy);
    }
  }

 private:
  vitrail::Cpu* cpu_;
  std::unique_ptr<vitrail::Cpu> own_{};
};
