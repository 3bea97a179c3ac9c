// Steps of Mask R-CNN on the built-in scenes: forward, backward and AdamW, without waiting for pictures. detection.py beside this file
// compares them with torchvision's. Usage: bench_cpu_detection THREADS STEPS [bf16] : prints one line of JSON.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/io/textured_shapes.hpp>
#include <vitrail/objectives/mask_rcnn.hpp>
#include <vitrail/train/fit.hpp>
#include <vitrail/vit/presets.hpp>

#include "resident.hpp"

using namespace vitrail;

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: bench_cpu_detection THREADS STEPS [bf16]\n"), 1;
  const bool narrow = argc > 3 && std::strcmp(argv[3], "bf16") == 0;
  constexpr DetectorConfig heads{.classes = 10, .objects = 30, .width = 64, .hidden = 256, .proposals = 200, .per_level = 400, .regions = 64};
  constexpr int batch = 8;
  using Detector = MaskRcnn<ViT<vit_micro_patch8_64>, heads>;
  Cpu device(CpuConfig{.threads = std::atoi(argv[1]), .precision = narrow ? Precision::bf16 : Precision::full});
  Model<Detector, Cpu> model{device, Random{1}};
  AdamW optimizer{model, {.clip_norm = 0}};
  const TexturedShapes scenes({.count = 64, .size = vit_micro_patch8_64.image, .seed = 2, .objects = 4});
  BatchLoader loader{scenes, {.batch = batch, .size = vit_micro_patch8_64.image, .objects = true}};
  const CosineSchedule rate{.peak = 1e-4, .warmup = 0, .steps = 1'000};
  std::vector<double> ms;
  fit(model, optimizer, rate, loader, {.steps = std::atoi(argv[2]) + 2}, [&](const StepReport& r) {
    if (r.step > 2) ms.push_back(1e3 * (r.seconds - r.waited));  // the first two touch their memory
  });
  std::nth_element(ms.begin(), ms.begin() + static_cast<std::ptrdiff_t>(ms.size() / 2), ms.end());
  std::printf("{\"ms\": %.2f, \"peak_mb\": %.0f, \"batch\": %d, \"parameters\": %lld}\n", ms[ms.size() / 2], peak_resident_mb(), batch,
              static_cast<long long>(model.size()));
}
