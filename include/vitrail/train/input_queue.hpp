// Batches on their way from the loader to a device. A device that copies while it computes gets the next batch during the step of this one.
#pragma once
#include <algorithm>
#include <chrono>
#include <concepts>
#include <type_traits>
#include <utility>
#include <vector>

#include "loader.hpp"

namespace vitrail {

// Such a device has
//   host_buffer(bytes), release_host_buffer(at)   memory of the host from which copies need not wait
//   copy_ahead(place, to, from, bytes)            starts a copy for this place, 0 or 1, once what used the place before is done
//   await_copy(place)                             what is called from now on sees it
//   release_copy(place)                           what was called until now is all that uses it
//   await_host_buffer(place)                      waits here until `from` may be written again
template <class D>
concept CopiesAhead = requires(D& device, void* to, const void* from, std::size_t bytes) {
  { device.host_buffer(bytes) } -> std::same_as<void*>;
  device.release_host_buffer(to);
  device.copy_ahead(0, to, from, bytes);
  device.await_copy(0);
  device.release_copy(0);
  device.await_host_buffer(0);
};

namespace detail {
template <class T> void convert_images(const float* from, std::size_t count, T* to) {
  std::transform(from, from + count, to, [](float x) { return static_cast<T>(x); });
}
// A batch's numbers, as T, on a device.
template <class T, class Device> void upload_images(Device& device, T* to, const float* from, std::size_t count) {
  if constexpr (std::is_same_v<T, float>) {
    device.upload(to, from, count * sizeof(float));
  } else {
    std::vector<T> converted(count);
    convert_images(from, count, converted.data());
    device.upload(to, converted.data(), count * sizeof(T));
  }
}
}  // namespace detail

// Batches of a loader, one after the other, their images as T.
template <class Device, class T> class InputQueue {
  static constexpr int places = CopiesAhead<Device> ? 2 : 1;

 public:
  InputQueue(Device& device, BatchLoader& loader) : device_(&device), loader_(&loader) {}
  InputQueue(const InputQueue&) = delete;
  InputQueue& operator=(const InputQueue&) = delete;
  ~InputQueue() {
    for (Place& place : place_) free(place);
  }

  // The next batch, valid until the call after; its images are at images() for what is called from now on. Adds to `waited` the seconds
  // in which the loader had none.
  const Batch& next(double& waited) {
    if (batch_ == nullptr) fetch(waited);
    if constexpr (CopiesAhead<Device>) device_->await_copy(now_);
    images_ = place_[now_].at;
    return *std::exchange(batch_, nullptr);
  }
  T* images() const { return images_; }
  // Everything that uses the batch has been called. Fetches the next one, if the caller will want it: the copy goes on meanwhile.
  void finished([[maybe_unused]] bool more, [[maybe_unused]] double& waited) {
    if constexpr (CopiesAhead<Device>) {
      device_->release_copy(now_);
      now_ = 1 - now_;
      if (more) fetch(waited);
    }
  }

 private:
  struct Place {
    T *at = nullptr, *buffer = nullptr;
    std::size_t size = 0;  // numbers
  };

  void fetch(double& waited) {
    using Clock = std::chrono::steady_clock;
    const auto asked = Clock::now();
    batch_ = &loader_->next();
    waited += std::chrono::duration<double>(Clock::now() - asked).count();
    const std::vector<float>& from = batch_->images;
    Place& place = place_[now_];
    if constexpr (CopiesAhead<Device>) {
      device_->await_host_buffer(now_);
      make_room(place, from.size());
      detail::convert_images(from.data(), from.size(), place.buffer);
      device_->copy_ahead(now_, place.at, place.buffer, from.size() * sizeof(T));
    } else {
      make_room(place, from.size());
      detail::upload_images(*device_, place.at, from.data(), from.size());
    }
  }
  void make_room(Place& place, std::size_t size) {
    if (place.size >= size) return;
    free(place);
    place.at = static_cast<T*>(device_->allocate(size * sizeof(T)));
    if constexpr (CopiesAhead<Device>) place.buffer = static_cast<T*>(device_->host_buffer(size * sizeof(T)));
    place.size = size;
  }
  void free(Place& place) {
    if (place.at != nullptr) device_->release(place.at);
    if constexpr (CopiesAhead<Device>)
      if (place.buffer != nullptr) device_->release_host_buffer(place.buffer);
    place = {};
  }

  Device* device_;
  BatchLoader* loader_;
  Place place_[places];
  int now_ = 0;
  const Batch* batch_ = nullptr;
  T* images_ = nullptr;
};

}  // namespace vitrail
