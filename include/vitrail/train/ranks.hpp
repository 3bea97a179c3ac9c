// What ranks that train on one batch do together besides the ops of ops/ranks.hpp: begin alike, and average gradients and reports.
#pragma once
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "../backends/communicator.hpp"
#include "adamw.hpp"
#include "loader.hpp"

namespace vitrail {

// All parameters of rank `root`'s model, for all: when one of them has read a file, or fitted a codebook. Without ranks it does nothing.
template <class M, class Device, class T>
void broadcast_weights([[maybe_unused]] Model<M, Device, T>& model, [[maybe_unused]] int root = 0) {
  if constexpr (HasRanks<Device>) {
    model.device().communicator().broadcast(model.device().plain(), model.values(), model.size(), root);
    model.round_values();
  }
}

namespace detail {

// Numbers on the host that ranks exchange by way of the device.
template <class Device> class HostExchange {
 public:
  explicit HostExchange(Device& device) : device_(&device) {}
  HostExchange(const HostExchange&) = delete;
  HostExchange& operator=(const HostExchange&) = delete;
  ~HostExchange() {
    if (at_ != nullptr) device_->release(at_);
  }

  void average(std::vector<double>& numbers) {
    double* const at = put(numbers, 1);
    device_->communicator().all_reduce_mean(device_->plain(), at, static_cast<std::int64_t>(numbers.size()));
    device_->download(numbers.data(), at, numbers.size() * sizeof(double));
  }
  // Those of all ranks, those of rank 0 first.
  std::vector<double> gather(const std::vector<double>& numbers) {
    const std::size_t ranks = static_cast<std::size_t>(device_->part().ranks);
    std::vector<double> all(numbers.size() * ranks);
    double* const at = put(numbers, 1 + ranks);
    device_->communicator().all_gather(device_->plain(), static_cast<const double*>(at), at + numbers.size(),
                                       static_cast<std::int64_t>(numbers.size()));
    device_->download(all.data(), at + numbers.size(), all.size() * sizeof(double));
    return all;
  }

 private:
  double* put(const std::vector<double>& numbers, std::size_t times) {
    if (const std::size_t bytes = numbers.size() * times * sizeof(double); bytes > bytes_) {
      if (at_ != nullptr) device_->release(at_);
      at_ = nullptr;
      at_ = static_cast<double*>(device_->allocate(bytes));
      bytes_ = bytes;
    }
    device_->upload(at_, numbers.data(), numbers.size() * sizeof(double));
    return at_;
  }
  Device* device_;
  double* at_ = nullptr;
  std::size_t bytes_ = 0;
};

// 32 bits of a checksum (FNV-1a) of numbers on a device, which a double holds.
template <class Device, class T> double checksum(Device& device, const T* at, std::int64_t count) {
  std::vector<T> numbers(static_cast<std::size_t>(count));
  device.download(numbers.data(), at, numbers.size() * sizeof(T));
  std::uint64_t hash = 0xCBF29CE484222325ull;
  for (const T& number : numbers) {
    unsigned char bytes[sizeof(T)];
    std::memcpy(bytes, &number, sizeof(T));
    for (const unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001B3ull;
  }
  return static_cast<double>(static_cast<std::uint32_t>(hash >> 32));
}

// What fit does for ranks: nothing, where there are none.
template <class M, class Device, class T> class RankedSteps {
 public:
  static constexpr bool several = false;
  RankedSteps(Model<M, Device, T>&, const AdamW<M, Device, T>&, const LoaderConfig& views, std::int64_t, int, std::uint64_t) {
    if (views.part.ranks > 1)
      throw ConfigError("fit: the loader makes the part of rank " + std::to_string(views.part.rank) + " of " +
                        std::to_string(views.part.ranks) + ", but this device has no ranks; train on a Parallel device, or leave "
                        "LoaderConfig::part alone");
  }
  void average(double&, std::vector<std::pair<std::string, double>>&) {}
};

template <class M, class Device, class T>
  requires HasRanks<Device>
class RankedSteps<M, Device, T> {
 public:
  static constexpr bool several = true;
  RankedSteps(Model<M, Device, T>& model, const AdamW<M, Device, T>& optimizer, const LoaderConfig& views, std::int64_t steps,
              int accumulate, std::uint64_t seed)
      : model_(&model), exchange_(model.device()) {
    check_part(views.part);
    check_alike(optimizer, views, steps, accumulate, seed);
    model.device().set_part(views.part);
  }

  // The gradient of the whole batch, and what there is to report of it. A NaN of one rank is one of all.
  void average(double& loss, std::vector<std::pair<std::string, double>>& terms) {
    kernel_forward(model_->device(), op::MeanOverRanks{model_->trained()}, model_->gradients());
    numbers_.assign(1, loss);
    for (const auto& term : terms) numbers_.push_back(term.second);
    exchange_.average(numbers_);
    loss = numbers_[0];
    for (std::size_t i = 0; i < terms.size(); ++i) terms[i].second = numbers_[1 + i];
  }

 private:
  void check_part(const Part& found) const {
    const Part& own = model_->device().part();
    if (found.rank != own.rank || found.ranks != own.ranks)
      throw ConfigError("fit: the device is rank " + std::to_string(own.rank) + " of " + std::to_string(own.ranks) +
                        ", the loader makes the part of rank " + std::to_string(found.rank) + " of " + std::to_string(found.ranks) +
                        "; set LoaderConfig::part to device.part()");
  }
  // Ranks that begin differently would end differently, without a word.
  void check_alike(const AdamW<M, Device, T>& optimizer, const LoaderConfig& views, std::int64_t steps, int accumulate,
                   std::uint64_t seed) {
    Device& device = model_->device();
    const auto low = [](std::uint64_t n) { return static_cast<double>(n & 0xFFFFFFFFu); };
    const std::vector<std::pair<const char*, double>> own = {
        {"numbers in the model", static_cast<double>(model_->size())},
        {"trained numbers", static_cast<double>(model_->trained())},
        {"steps to take", static_cast<double>(steps)},
        {"steps of the optimiser", static_cast<double>(optimizer.steps())},
        {"batches per step", accumulate},
        {"images per batch", views.batch},
        {"seed of fit", low(seed)},
        {"seed of the loader", low(views.seed)},
        {"checksum of the weights", checksum(device, static_cast<const wide<T>*>(model_->values()), model_->size())},
        {"checksum of the optimiser's means", checksum(device, static_cast<const wide<T>*>(optimizer.mean()), model_->trained())},
        {"checksum of the optimiser's squares", checksum(device, static_cast<const wide<T>*>(optimizer.square()), model_->trained())}};
    std::vector<double> numbers;
    for (const auto& item : own) numbers.push_back(item.second);
    const std::vector<double> all = exchange_.gather(numbers);
    for (std::size_t r = 1; r * own.size() < all.size(); ++r)
      for (std::size_t i = 0; i < own.size(); ++i)
        if (const double first = all[i], other = all[r * own.size() + i]; first != other)
          throw ConfigError(std::string("fit: ranks must begin alike, found as ") + own[i].first + " " + text(first) + " on rank 0 and " +
                            text(other) + " on rank " + std::to_string(r) +
                            "; give all ranks the same seeds, settings and checkpoint, or call broadcast_weights(model)");
  }
  static std::string text(double number) { return std::to_string(static_cast<std::int64_t>(number)); }

  Model<M, Device, T>* model_;
  HostExchange<Device> exchange_;
  std::vector<double> numbers_;
};

}  // namespace detail
}  // namespace vitrail
