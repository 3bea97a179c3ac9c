// A run with a teacher goes on from its checkpoint with the bits of an uninterrupted one: centre, running statistics, teacher, and a last
// layer that is still frozen, are in the file.
#include <doctest/doctest.h>

#include <cstring>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/io/checkpoint.hpp>
#include <vitrail/io/textured_shapes.hpp>
#include <vitrail/objectives/dino.hpp>
#include <vitrail/objectives/moco_v3.hpp>
#include <vitrail/train/fit.hpp>

using namespace vitrail;

namespace {

constexpr ViTConfig micro{.image = 8, .patch = 2, .dim = 16, .depth = 1, .heads = 2, .mlp_ratio = 2, .drop_path_percent = 10,
                          .patch_projection = PatchProjection::frozen};
using Distilled = Dino<ViT<micro>, DinoConfig{.local = 4, .locals = 2, .hidden = 16, .bottleneck = 8, .prototypes = 12}>;
using Contrasted = MocoV3<ViT<micro>, MocoV3Config{.hidden = 16, .out = 8, .predictor_hidden = 12}>;

// Trains up to step `until` in a model of its own, going on from the checkpoint if there is one, and leaves a checkpoint.
template <class Objective> std::vector<float> train(const std::filesystem::path& checkpoint, std::int64_t until) {
  const TexturedShapes shapes({.count = 12, .size = 8});
  Cpu device(2);
  Model<Objective, Cpu> model{device, Random{1}};
  if constexpr (std::is_same_v<Objective, Distilled>) model->teacher_warmup = 6, model->frozen_steps = 4;
  AdamW optimizer{model};
  if (std::filesystem::exists(checkpoint)) load_training(checkpoint, model, optimizer);
  LoaderConfig views{.batch = 4, .size = 8};
  views.views = std::is_same_v<Objective, Distilled> ? dino_views({}, 8, 4, 2) : moco_v3_views({});
  BatchLoader loader(shapes, views, optimizer.steps());
  fit(model, optimizer, CosineSchedule{.peak = 1e-2, .warmup = 2, .steps = 8}, loader,
      {.steps = until, .momentum_from = 0.9, .momentum_to = 0.9, .weight_decay = CosineSchedule{.peak = 0.04, .minimum = 0.4, .steps = 8}});
  save_training(checkpoint, model, optimizer);
  return {model.values(), model.values() + model.size()};
}

}  // namespace

TEST_SUITE("checkpoint") {
  TEST_CASE_TEMPLATE("a resumed run with a teacher gives the bits of an uninterrupted one", Objective, Distilled, Contrasted) {
    std::string pattern = (std::filesystem::temp_directory_path() / "vitrail-XXXXXX").string();
    const std::filesystem::path folder = mkdtemp(pattern.data());
    const std::vector<float> whole = train<Objective>(folder / "whole.safetensors", 8);
    std::vector<float> legs;
    for (const std::int64_t until : {2, 5, 8}) legs = train<Objective>(folder / "legs.safetensors", until);
    REQUIRE(legs.size() == whole.size());
    CHECK(std::memcmp(legs.data(), whole.data(), whole.size() * sizeof(float)) == 0);
    const SafetensorsFile file = SafetensorsFile::read(folder / "legs.safetensors");
    CHECK(file.find("teacher.target.blocks.0.attn.qkv.weight") != nullptr);
    CHECK(file.find(std::is_same_v<Objective, Distilled> ? "center" : "projector.2.norm.running_var") != nullptr);
    std::filesystem::remove_all(folder);
  }
}
