// Numbers that a step leaves on its device, fetched together.
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

#include "../backends/device.hpp"

namespace vitrail::detail {

template <class Device>
class Readings {
 public:
  explicit Readings(Device& device) : device_(&device) {}

  // fetch() will add `share` of the number at `at` to `to`, which stays where it is until then.
  template <class T>
  void add(const T* at, double share, double& to) {
    static_assert(sizeof(T) <= sizeof(std::uint64_t));
    const auto number = [](const void* word) {
      T x{};
      std::memcpy(&x, word, sizeof x);
      return static_cast<double>(x);
    };
    items_.push_back({at, sizeof(T), share, &to, number});
  }
  void fetch() {
    std::vector<std::uint64_t> words(items_.size());
    if constexpr (DownloadsTogether<Device>) {
      std::vector<Download> all;
      for (std::size_t i = 0; i < items_.size(); ++i) all.push_back({&words[i], items_[i].at, items_[i].bytes});
      device_->download_all(all.data(), static_cast<int>(all.size()));
    } else {
      for (std::size_t i = 0; i < items_.size(); ++i) device_->download(&words[i], items_[i].at, items_[i].bytes);
    }
    for (std::size_t i = 0; i < items_.size(); ++i) *items_[i].to += items_[i].share * items_[i].number(&words[i]);
    items_.clear();
  }

 private:
  struct Item {
    const void* at;
    std::size_t bytes;
    double share;
    double* to;
    double (*number)(const void* word);
  };
  Device* device_;
  std::vector<Item> items_;
};

}  // namespace vitrail::detail
