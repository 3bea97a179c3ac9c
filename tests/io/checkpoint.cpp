// Models to and from files: nothing is lost, nothing wrong is believed, and a killed run goes on with the same bits.
#include <doctest/doctest.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <limits>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vitrail/backends/cpu.hpp>
#include <vitrail/io/checkpoint.hpp>
#include <vitrail/io/textured_shapes.hpp>
#include <vitrail/objectives/averaged.hpp>
#include <vitrail/objectives/mae.hpp>
#include <vitrail/objectives/splitmask.hpp>
#include <vitrail/objectives/supervised.hpp>
#include <vitrail/tokenizers/random_projection.hpp>
#include <vitrail/train/fit.hpp>

using namespace vitrail;

namespace {

constexpr ViTConfig micro{.image = 8, .patch = 2, .dim = 24, .depth = 2, .heads = 3};
constexpr ViTConfig wider{.image = 8, .patch = 2, .dim = 48, .depth = 2, .heads = 3};
template <ViTConfig C> using Pretext = SplitMask<ViT<C>, BlockSplit<C.grid(), 50>, RandomProjection<C, 16>>;

struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vitrail-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

std::vector<float> weights_of(const auto& model) { return {model.values(), model.values() + model.size()}; }
bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

constexpr std::int64_t all_steps = 40;
// A run that keeps a checkpoint after every third step and goes on from one that it finds.
std::vector<float> train(const std::filesystem::path& checkpoint, std::int64_t pause_us = 0) {
  const TexturedShapes shapes({.count = 20, .size = 8});
  Cpu device(2);
  Model<Pretext<micro>, Cpu> model{device, Random{1}};
  AdamW optimizer{model};
  if (std::filesystem::exists(checkpoint)) load_training(checkpoint, model, optimizer);
  BatchLoader loader(shapes, {.batch = 4, .size = 8}, optimizer.steps());
  fit(model, optimizer, CosineSchedule{.peak = 1e-3, .warmup = 4, .steps = all_steps}, loader, {.steps = all_steps},
      every(3, [&](const StepReport&) { save_training(checkpoint, model, optimizer); }),
      [&](const StepReport&) { if (pause_us > 0) usleep(static_cast<useconds_t>(pause_us)); });
  return weights_of(model);
}

}  // namespace

TEST_SUITE("checkpoint") {
  TEST_CASE("what is saved is loaded, bit by bit, under timm's names") {
    const Folder folder;
    Cpu device(1);
    Model<Pretext<micro>, Cpu> one{device, Random{1}}, two{device, Random{2}};
    CHECK_FALSE(same_bits(weights_of(one), weights_of(two)));
    save(folder.path / "all.safetensors", *one, {{"preset", "micro"}});
    const LoadReport report = load(folder.path / "all.safetensors", *two);
    CHECK(report.missing.empty());
    CHECK(report.unexpected.empty());
    CHECK(same_bits(weights_of(one), weights_of(two)));
    const SafetensorsFile file = SafetensorsFile::read(folder.path / "all.safetensors");
    CHECK(file.metadata().at("preset") == "micro");
    REQUIRE(file.find("encoder.blocks.1.attn.qkv.weight") != nullptr);
    CHECK(file.find("encoder.blocks.1.attn.qkv.weight")->shape == std::vector<std::int64_t>{72, 24});
    CHECK(file.find("encoder.patch_embed.proj.weight")->shape == std::vector<std::int64_t>{24, 3, 2, 2});
    CHECK(file.find("encoder.cls_token")->shape == std::vector<std::int64_t>{1, 1, 24});
    CHECK(file.find("tokenizer.codebook") != nullptr);
  }

  TEST_CASE("an encoder alone is saved without a prefix, and picked out of a whole by one") {
    const Folder folder;
    Cpu device(1);
    Model<Pretext<micro>, Cpu> one{device, Random{1}};
    save(folder.path / "all.safetensors", *one);
    save(folder.path / "encoder.safetensors", one->encoder);
    Model<ViT<micro>, Cpu> a{device, Random{2}}, b{device, Random{3}};
    CHECK(load(folder.path / "all.safetensors", *a, {.prefix = "encoder."}).unexpected.empty());
    CHECK(load(folder.path / "encoder.safetensors", *b).unexpected.empty());
    CHECK(same_bits(weights_of(a), weights_of(b)));
  }

  TEST_CASE("a float file fills a double model") {
    const Folder folder;
    Cpu device(1);
    Model<ViT<micro>, Cpu> one{device, Random{1}};
    Model<ViT<micro>, Cpu, double> two{device, Random{2}};
    save(folder.path / "encoder.safetensors", *one);
    load(folder.path / "encoder.safetensors", *two);
    for (std::int64_t i = 0; i < one.size(); ++i) CHECK(static_cast<double>(one.values()[i]) == two.values()[i]);
  }

  TEST_CASE("a checkpoint of another model is refused, names what differs, and changes nothing") {
    const Folder folder;
    Cpu device(1);
    Model<ViT<wider>, Cpu> wide{device, Random{1}};
    Model<ViT<micro>, Cpu> narrow{device, Random{2}};
    save(folder.path / "wide.safetensors", *wide);
    const std::vector<float> before = weights_of(narrow);
    CHECK_THROWS_WITH_AS(load(folder.path / "wide.safetensors", *narrow),
                         doctest::Contains("of another kind: 30: `cls_token` is (1, 1, 48), the model wants (1, 1, 24); `pos_embed` is"), FileError);
    CHECK_THROWS_WITH_AS(load(folder.path / "wide.safetensors", *narrow), doctest::Contains(" and 18 more\n  was it saved by another preset?"), FileError);
    CHECK_THROWS_WITH_AS(load(folder.path / "wide.safetensors", *narrow, {.prefix = "student."}),
                         doctest::Contains("missing: 30 of 30: `student.cls_token`"), FileError);
    CHECK_THROWS_WITH_AS(load(folder.path / "wide.safetensors", *narrow, {.prefix = "student."}),
                         doctest::Contains("its names do not begin with \"student.\": load without that .prefix"), FileError);
    // MAE has one mask token, in its decoder: no matter of beginnings.
    Model<Mae<ViT<micro>, RandomMask<micro.tokens(), 50>>, Cpu> mae{device, Random{3}};
    Model<Pretext<micro>, Cpu> splitmask{device, Random{4}};
    save(folder.path / "mae.safetensors", *mae);
    CHECK_THROWS_WITH_AS(load(folder.path / "mae.safetensors", *splitmask), doctest::Contains("is it another model's?"), FileError);
    CHECK(same_bits(before, weights_of(narrow)));
  }

  TEST_CASE("training does not go on from a model without an optimiser, nor from a truncated file") {
    const Folder folder;
    Cpu device(1);
    Model<Pretext<micro>, Cpu> model{device, Random{1}};
    AdamW optimizer{model};
    save(folder.path / "model.safetensors", *model);
    CHECK_THROWS_WITH_AS(load_training(folder.path / "model.safetensors", model, optimizer), doctest::Contains("without the state of its optimiser"), FileError);
    save_training(folder.path / "run.safetensors", model, optimizer);
    const auto size = std::filesystem::file_size(folder.path / "run.safetensors");
    for (const std::uintmax_t kept : {size - 1, size / 2, std::uintmax_t{100}, std::uintmax_t{7}, std::uintmax_t{0}}) {
      std::filesystem::copy_file(folder.path / "run.safetensors", folder.path / "cut.safetensors", std::filesystem::copy_options::overwrite_existing);
      std::filesystem::resize_file(folder.path / "cut.safetensors", kept);
      CHECK_THROWS_AS(load_training(folder.path / "cut.safetensors", model, optimizer), FileError);
    }
  }

  TEST_CASE("an average of the weights goes on with a run to the same bits, and a run that diverges leaves its last checkpoint") {
    using Classifier = Averaged<Supervised<ViT<micro>, 10>>;
    const Folder folder;
    const TexturedShapes shapes({.count = 20, .size = 8});
    const auto run = [&](std::int64_t until, std::int64_t diverge_after) {
      Cpu device(1);
      Model<Classifier, Cpu> model{device, Random{1}};
      AdamW optimizer{model, {.layer_decay = 0.7}};
      if (std::filesystem::exists(folder.path / "run")) load_training(folder.path / "run", model, optimizer);
      BatchLoader loader(shapes, {.batch = 4, .size = 8, .mix = {.mixup = 0.8, .cutmix = 1}}, optimizer.steps());
      fit(model, optimizer, CosineSchedule{.peak = 1e-3, .steps = 9}, loader, {.steps = until, .momentum_from = 0.9, .momentum_to = 0.9},
          every(2, [&](const StepReport&) { save_training(folder.path / "run", model, optimizer); }), [&](const StepReport& r) {
            if (r.step == diverge_after) std::fill_n(model.values(), 3, std::numeric_limits<float>::infinity());
          });
      std::filesystem::remove(folder.path / "run");
      return weights_of(model);
    };
    const std::vector<float> whole = run(9, -1);
    CHECK_THROWS_AS(run(9, 5), NumericError);
    REQUIRE(std::filesystem::exists(folder.path / "run"));
    CHECK(SafetensorsFile::read(folder.path / "run").metadata().at("steps") == "4");
    CHECK(same_bits(run(9, -1), whole));
  }

  TEST_CASE("a full disk while saving leaves the old checkpoint as it was") {
    const Folder folder;
    Cpu device(1);
    Model<Pretext<micro>, Cpu> one{device, Random{1}}, two{device, Random{2}};
    save(folder.path / "model.safetensors", *one);
    rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit small = limit;
    small.rlim_cur = 1000;
    setrlimit(RLIMIT_FSIZE, &small);
    CHECK_THROWS_AS(save(folder.path / "model.safetensors", *two), FileError);
    setrlimit(RLIMIT_FSIZE, &limit);
    std::signal(SIGXFSZ, old_handler);
    Model<Pretext<micro>, Cpu> three{device, Random{3}};
    load(folder.path / "model.safetensors", *three);
    CHECK(same_bits(weights_of(one), weights_of(three)));
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);
  }

#if !defined(__SANITIZE_THREAD__)
  TEST_CASE("a run that is killed at any moment goes on from its checkpoint with the same bits") {
    const Folder folder;
    const std::vector<float> straight = train(folder.path / "straight.safetensors");
    const std::filesystem::path checkpoint = folder.path / "killed.safetensors";
    for (int kill = 0; kill < 3; ++kill) {
      const pid_t child = fork();
      if (child == 0) {
        train(checkpoint, 4000);
        _exit(0);
      }
      usleep(static_cast<useconds_t>(60'000 + 35'000 * kill));
      ::kill(child, SIGKILL);
      int status = 0;
      waitpid(child, &status, 0);
      CHECK((WIFSIGNALED(status) || WIFEXITED(status)));
    }
    CHECK(same_bits(straight, train(checkpoint)));
  }
#endif
}
