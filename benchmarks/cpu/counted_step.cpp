// One training step of the configuration `tiny` of step.cpp with two images, for counting its instructions: see count.sh. Compiled
// without -march, so that the count depends on the code and the compiler alone. valgrind takes three minutes for all twelve blocks
// (argument "all"); without argument one of the encoder and one of the decoder stand for the others.
#include <cstdio>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/objectives/splitmask.hpp>
#include <vitrail/tokenizers/random_projection.hpp>
#include <vitrail/train/adamw.hpp>

using namespace vitrail;

namespace {

template <int Depth, SplitMaskConfig Decoder> struct Training {
  static constexpr ViTConfig tiny{.image = 32, .patch = 4, .dim = 192, .depth = Depth, .heads = 3, .class_token = false};
  using Pretext = SplitMask<ViT<tiny>, RandomSplit<tiny.tokens(), 50>, RandomProjection<tiny, 1024>, Decoder>;
  using Images = typename Pretext::images_shape;

  Cpu device{1};
  Model<Pretext, Cpu> model{device, Random{1}};
  AdamW<Pretext, Cpu, float> optimizer{model};
  Tape<Cpu, float> tape{device};
  Arena<Cpu> inputs{device};
  Sampler sampler{Random{2}};
  Tensor<Images, Cpu, float> images = make_tensor<Images, float>(inputs, Images(2));

  Training() {
    Random random{3};
    for (std::int64_t i = 0; i < images.shape.size(); ++i) images.at[i] = static_cast<float>(random.normal());
  }
  void step() {
    tape.reset(1);
    const auto part = model->draw(sampler, 2);
    const auto result = (*model)(tape.input(images), part);
    model.zero_gradients();
    tape.backward(result.loss);
    optimizer.step(1e-3);
  }
};

}  // namespace

// The name that valgrind is told to count.
extern "C" __attribute__((noinline)) void vitrail_counted_step(void (*step)(void*), void* training) { step(training); }

namespace {
template <class Train> void count(const char* blocks) {
  Train training;
  vitrail_counted_step([](void* t) { static_cast<Train*>(t)->step(); }, &training);
  std::printf("%s/%s\n", name(training.device.isa()), blocks);
}
}  // namespace

int main(int count_of_arguments, char**) {
  if (count_of_arguments > 1) count<Training<12, SplitMaskConfig{}>>("all");
  else count<Training<1, SplitMaskConfig{.decoder_depth = 1}>>("one");
}
