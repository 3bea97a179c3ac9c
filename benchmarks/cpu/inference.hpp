// One batch after another through an encoder, without a tape.
#pragma once
#include <vitrail/backends/cpu.hpp>
#include <vitrail/nn/model.hpp>
#include <vitrail/vit/vit.hpp>

template <vitrail::ViTConfig C, class Device = vitrail::Cpu> class Inference {
 public:
  Device device;

  Inference(const vitrail::CpuConfig& config, int batch) : device(config), images_(vitrail::make_tensor<Images, float>(inputs_, Images(batch))) {
    device.fill(images_.at, images_.shape.size(), 0.5f);
    images_.arena = &values_;
  }
  const float* run() {
    values_.reset();
    return (*encoder_)(images_).data();
  }

 private:
  using Images = typename vitrail::ViT<C>::images_shape;
  vitrail::Model<vitrail::ViT<C>, Device> encoder_{device, vitrail::Random{1}};
  vitrail::PackedWeights packed_{encoder_};
  vitrail::Arena<Device> inputs_{device}, values_{device};
  vitrail::Tensor<Images, Device, float> images_;
};
