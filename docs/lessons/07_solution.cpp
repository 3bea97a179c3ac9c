// Lesson 7's exercise: two ways for DINO to collapse, each held off by what brings the other about.
#include <cmath>
#include <iomanip>
#include <iostream>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/io/textured_shapes.hpp>
#include <vitrail/objectives/dino.hpp>
#include <vitrail/train/fit.hpp>

using namespace vitrail;

constexpr ViTConfig vit{.image = 24, .patch = 4, .channels = 3, .dim = 32, .depth = 2, .heads = 2};
constexpr int steps = 100, prototypes = 32;
using Taught = Dino<ViT<vit>, DinoConfig{.local = 12, .locals = 2, .hidden = 96, .bottleneck = 32, .prototypes = prototypes}>;

struct Outcome {
  double loss = 0, entropy = 0, variance = 0;  // means of the last 20 steps: nats, nats, and how much distributions differ between crops
};

// [collapse]
Outcome train(Cpu& device, double centre_momentum, double teacher_temperature) {
  const TexturedShapes set({.count = 4000, .size = 48, .seed = 1});
  LoaderConfig views{.batch = 16, .size = vit.image};
  views.augment.range.scale_min = 0.5;
  views.views = {{.augment = views.augment, .count = 2}, {.size = 12, .augment = views.augment, .count = 2}};
  views.views[1].augment.range = {.scale_min = 0.1, .scale_max = 0.5};
  BatchLoader loader{set, views};
  Model<Taught, Cpu> model{device, Random{5}};
  model->center_momentum = centre_momentum;  // at 1 the centre stays where it began: at zero
  model->teacher_temperature = model->first_teacher_temperature = teacher_temperature;
  AdamW optimizer{model};
  const FitConfig config{.steps = steps, .momentum_from = 0.99};
  Outcome out;
  fit(model, optimizer, CosineSchedule{.peak = 5e-4, .warmup = 20, .steps = steps}, loader, config, [&](const StepReport& r) {
    if (r.step <= steps - 20) return;
    out.loss += r.loss / 20, out.entropy += r.terms[1].second / 20, out.variance += r.terms[2].second / 20;
  });
  return out;
}
// [/collapse]

int main() {
  Cpu device{{.threads = 1}};
  const Outcome sharp = train(device, 1, 0.03), centred = train(device, 0.9, 0.3), both = train(device, 0.9, 0.03);
  const auto print = [](const char* name, const Outcome& o) {
    std::cout << std::fixed << std::setprecision(1) << name << ": loss " << o.loss << ", entropy " << std::abs(o.entropy) << " nats, variance "
              << std::setprecision(3) << o.variance << "\n";
  };
  print("sharpened only", sharp), print("centred only", centred), print("both", both);
  const bool alive = both.entropy > 0.5 * std::log(prototypes) && both.variance > 0.01 && both.loss < std::log(prototypes);
  std::cout << "with both, prototypes are in use and images differ: " << (alive ? "yes" : "no") << "\n";
  return alive && sharp.entropy < 0.1 && sharp.variance < 0.001 && std::log(prototypes) - centred.entropy < 0.1 && centred.variance < 0.001 ? 0 : 1;
}
