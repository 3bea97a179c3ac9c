// One SplitMask step after another on a fixed batch of noise: forward, backward and AdamW without clipping, as torch_step.py has it.
#pragma once
#include <vector>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/objectives/cost.hpp>
#include <vitrail/objectives/splitmask.hpp>
#include <vitrail/tokenizers/random_projection.hpp>
#include <vitrail/train/adamw.hpp>

template <vitrail::ViTConfig C, int Vocabulary, vitrail::SplitMaskConfig Decoder = vitrail::SplitMaskConfig{}>
using Pretext = vitrail::SplitMask<vitrail::ViT<C>, vitrail::RandomSplit<C.tokens(), 50>, vitrail::RandomProjection<C, Vocabulary>, Decoder>;

template <class Objective, class Device = vitrail::Cpu, class T = float>
class Training {
 public:
  Device device;
  const int batch;
  const vitrail::Cost cost = vitrail::cost<Objective, T>(batch);

  template <class Config = vitrail::CpuConfig>
  Training(const Config& config, int images_of_a_batch) : device(config), batch(images_of_a_batch) {
    tape_.values().reserve(cost.value_bytes), tape_.gradients().reserve(cost.gradient_bytes);
    vitrail::Random random{3};
    std::vector<T> pixels(static_cast<std::size_t>(images_.shape.size()));
    for (T& p : pixels) p = static_cast<T>(static_cast<float>(random.normal()));
    device.upload(images_.at, pixels.data(), pixels.size() * sizeof(T));
  }
  double gflop() const { return 1e-9 * static_cast<double>(cost.forward_flops + cost.backward_flops); }

  const float* step() {  // where the loss lies, on the device
    sampler_.begin(vitrail::Random{2}.stream(number_));
    tape_.reset(number_++);
    const auto part = model_->draw(sampler_, batch);
    const auto result = (*model_)(tape_.input(images_), part);
    model_.zero_gradients();
    tape_.backward(result.loss);
    optimizer_.step(1e-3, 1);
    return result.loss.data();
  }

 private:
  using Images = typename Objective::images_shape;
  vitrail::Model<Objective, Device, T> model_{device, vitrail::Random{1}};
  vitrail::AdamW<Objective, Device, T> optimizer_{model_, {.clip_norm = 0}};
  vitrail::Tape<Device> tape_{device};
  vitrail::Arena<Device> inputs_{device};
  vitrail::Sampler sampler_{vitrail::Random{2}};
  vitrail::Tensor<Images, Device, T> images_ = vitrail::make_tensor<Images, T>(inputs_, Images(batch));
  std::uint64_t number_ = 0;
};
