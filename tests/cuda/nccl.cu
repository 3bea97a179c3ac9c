// A rank on a card, with NCCL: what it exchanges with itself, and the steps of a card without ranks. Where there is no card, the errors
// that say so. More cards than one: nccl ID_FILE RANK RANKS, started once for each card.
#include <vitrail/backends/cuda/nccl.hpp>
#include <vitrail/backends/parallel.hpp>
#include <vitrail/masking/block_mask.hpp>
#include <vitrail/nn/model.hpp>
#include <vitrail/objectives/splitmask.hpp>
#include <vitrail/tokenizers/random_projection.hpp>
#include <vitrail/train/fit.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

namespace {
using namespace vitrail;

constexpr ViTConfig config{.image = 32, .patch = 4, .dim = 64, .depth = 2, .heads = 1, .class_token = true, .drop_path_percent = 10};
using Pretext = SplitMask<ViT<config>, BlockSplit<config.grid(), 50>, RandomProjection<config, 128>>;
using Ranked = Parallel<Cuda, Nccl>;

class Noise : public ImageSet {
 public:
  int size() const override { return 64; }
  Image image(int index, int) const override {
    Image image(32, 32, 3);
    Random random(static_cast<std::uint64_t>(index));
    for (auto& sample : image.pixels) sample = static_cast<std::uint8_t>(random.below(256));
    return image;
  }
  int label(int) const override { return -1; }
  const std::vector<std::string>& classes() const override { return none_; }
  std::string name(int index) const override { return "noise " + std::to_string(index); }

 private:
  std::vector<std::string> none_;
};

// The weights after some steps on batches of 16.
template <class D> std::vector<float> train(D& device) {
  const Noise images;
  Model<Pretext, D> model{device, Random{1}};
  AdamW optimizer{model, {.eps = 1e-2}};
  LoaderConfig views{.batch = 16, .size = 32};
  views.part = part_of(device);
  BatchLoader loader(images, views);
  fit(model, optimizer, CosineSchedule{.peak = 1e-2, .steps = 5}, loader, {.steps = 5});
  std::vector<float> weights(static_cast<std::size_t>(model.size()));
  device.download(weights.data(), model.values(), weights.size() * sizeof(float));
  return weights;
}

// Each rank gives its number and one more; all four exchanges.
bool exchanges(Ranked& device) {
  const int ranks = device.part().ranks, rank = device.part().rank;
  Nccl& all = device.communicator();
  Arena<Ranked> memory{device};
  float* const own = memory.template take<float>(2);
  float* const gathered = memory.template take<float>(2 * ranks);
  const float start[2] = {static_cast<float>(rank), static_cast<float>(rank + 1)};
  device.upload(own, start, sizeof start);
  all.all_gather(device.plain(), static_cast<const float*>(own), gathered, 2);
  std::vector<float> found(static_cast<std::size_t>(2 * ranks));
  device.download(found.data(), gathered, found.size() * sizeof(float));
  bool good = true;
  for (int r = 0; r < ranks; ++r) good = good && found[2 * r] == r && found[2 * r + 1] == r + 1;
  all.reduce_scatter_sum(device.plain(), static_cast<const float*>(gathered), own, 2);
  float two[2];
  device.download(two, own, sizeof two);
  good = good && two[0] == static_cast<float>(ranks * rank) && two[1] == static_cast<float>(ranks * (rank + 1));
  device.upload(own, start, sizeof start);
  all.all_reduce_mean(device.plain(), own, 2);
  device.download(two, own, sizeof two);
  good = good && two[0] == static_cast<float>(0.5 * (ranks - 1)) && two[1] == static_cast<float>(0.5 * (ranks + 1));
  device.upload(own, start, sizeof start);
  all.broadcast(device.plain(), own, 2, ranks - 1);
  device.download(two, own, sizeof two);
  return good && two[0] == static_cast<float>(ranks - 1);
}

// Rank 0 makes the name of the group, the others wait for the file. Its second name appears when it is whole.
NcclId id_from(const std::string& path, int rank) {
  NcclId id;
  if (rank == 0) {
    id = Nccl::new_id();
    std::ofstream(path + ".part", std::ios::binary).write(id.data(), static_cast<std::streamsize>(id.size()));
    std::filesystem::rename(path + ".part", path);
    return id;
  }
  while (!std::filesystem::exists(path)) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::ifstream(path, std::ios::binary).read(id.data(), static_cast<std::streamsize>(id.size()));
  return id;
}

int without_a_card() {
  try {
    Nccl rank({.rank = 0, .ranks = 1});
  } catch (const DeviceError& error) {
    std::printf("no card here: %s\n", error.what());
    return std::strstr(error.what(), "cudaSetDevice for card 0") != nullptr ? 0 : 1;
  }
  return 1;
}
}  // namespace

int main(int count, char** words) try {
  int cards = 0;
  if (cudaGetDeviceCount(&cards) != cudaSuccess || cards == 0) return without_a_card();
  const int rank = count > 3 ? std::atoi(words[2]) : 0, ranks = count > 3 ? std::atoi(words[3]) : 1;
  Nccl group({.id = count > 3 ? id_from(words[1], rank) : Nccl::new_id(), .rank = rank, .ranks = ranks, .card = rank % cards});
  std::vector<float> ranked, alone;
  bool good = false;
  {
    Ranked device(group, CudaConfig{.card = rank % cards});
    good = exchanges(device);
    ranked = train(device);
  }
  {
    Cuda device(CudaConfig{.card = rank % cards});
    alone = train(device);
  }
  double worst = 0;
  for (std::size_t i = 0; i < alone.size(); ++i) worst = std::max(worst, std::abs(static_cast<double>(ranked[i]) - alone[i]));
  std::printf("rank %d of %d: exchanges %s, largest distance of a weight from one card's %.3g\n", rank, ranks, good ? "right" : "WRONG", worst);
  return good && worst <= (ranks == 1 ? 0 : 1e-4) ? 0 : 1;
} catch (const std::exception& error) {
  std::printf("%s\n", error.what());
  return 1;
}
