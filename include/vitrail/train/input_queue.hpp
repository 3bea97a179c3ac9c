// Batches on their way from the loader to a device. A device that copies while it computes gets the next batch during the step of this one.
#pragma once
#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include "../backends/catalog.hpp"
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

namespace detail {
// Plans and pictures of a batch in one piece of memory, plans first.
inline std::size_t plan_bytes(const Batch& batch) { return batch.plans.size() * sizeof(ViewPlan); }
inline std::size_t packed_bytes(const Batch& batch) {
  std::size_t bytes = plan_bytes(batch);
  for (const auto& picture : batch.pictures) bytes += picture.size();
  return bytes;
}
inline void pack_views(const Batch& batch, const std::vector<ViewGroup>& groups, unsigned char* to) {
  std::vector<std::int64_t> begin;  // of each image's bytes
  unsigned char* bytes = to + plan_bytes(batch);
  for (const auto& picture : batch.pictures) {
    begin.push_back(bytes - (to + plan_bytes(batch)));
    bytes = std::copy(picture.begin(), picture.end(), bytes);
  }
  const ViewPlan* from = batch.plans.data();
  for (const ViewGroup& group : groups)
    for (std::size_t image = 0; image < batch.pictures.size(); ++image)
      for (int view = 0; view < group.count; ++view, to += sizeof(ViewPlan)) {
        ViewPlan plan = *from++;
        plan.at += begin[image];
        std::memcpy(to, &plan, sizeof plan);
      }
}
// What kernels need to know of such views, in steps of eight, so that batches seldom differ in it.
inline int most_taps(const ViewPlan* plans, std::size_t count) {
  int most = 1;
  for (std::size_t i = 0; i < count; ++i)
    most = std::max({most, plans[i].across.most_taps(plans[i].filter), plans[i].down.most_taps(plans[i].filter)});
  return (most + 7) / 8 * 8;
}
}  // namespace detail

// Batches of a loader, one after the other, their images as T. Views that the loader only planned are rendered on the device, or here,
// where the device has no kernel for it.
template <class Device, class T> class InputQueue {
  static constexpr int places = CopiesAhead<Device> ? 2 : 1;
  static constexpr bool renders = DeviceHasKernel<op::RenderViews, Device>;

 public:
  InputQueue(Device& device, BatchLoader& loader)
      : device_(&device), loader_(&loader), groups_(view_groups(loader.config().size, loader.config().views)) {}
  InputQueue(const InputQueue&) = delete;
  InputQueue& operator=(const InputQueue&) = delete;
  ~InputQueue() {
    for (Place& place : place_) free(place);
    if (rendered_ != nullptr) device_->release(rendered_);
  }

  // The next batch, valid until the call after; its images are at images() for what is called from now on. Adds to `waited` the seconds
  // in which the loader had none.
  const Batch& next(double& waited) {
    if (batch_ == nullptr) fetch(waited);
    if constexpr (CopiesAhead<Device>) device_->await_copy(now_);
    images_ = static_cast<T*>(place_[now_].at);
    if constexpr (renders)
      if (!batch_->plans.empty()) render();
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
    void *at = nullptr, *buffer = nullptr;
    std::size_t bytes = 0;
  };

  void fetch(double& waited) {
    using Clock = std::chrono::steady_clock;
    const auto asked = Clock::now();
    batch_ = &loader_->next();
    waited += std::chrono::duration<double>(Clock::now() - asked).count();
    if (batch_->plans.empty()) return send(batch_->images);
    if constexpr (renders) send_plans();
    else send(rendered_here());
  }
  void send(const std::vector<float>& images) {
    if constexpr (CopiesAhead<Device>) {
      send(images.size() * sizeof(T), [&](void* to) { detail::convert_images(images.data(), images.size(), static_cast<T*>(to)); });
    } else {
      make_room(place_[now_], images.size() * sizeof(T));
      detail::upload_images(*device_, static_cast<T*>(place_[now_].at), images.data(), images.size());
    }
  }
  void send_plans() {
    const std::size_t bytes = detail::packed_bytes(*batch_);
    if constexpr (CopiesAhead<Device>) {
      send(bytes, [&](void* to) { detail::pack_views(*batch_, groups_, static_cast<unsigned char*>(to)); });
    } else {
      make_room(place_[now_], bytes);
      std::vector<unsigned char> packed(bytes);
      detail::pack_views(*batch_, groups_, packed.data());
      device_->upload(place_[now_].at, packed.data(), bytes);
    }
  }
  // write(to): `bytes` bytes, which are then copied to the device.
  template <class F> void send(std::size_t bytes, F write) {
    Place& place = place_[now_];
    device_->await_host_buffer(now_);
    make_room(place, bytes);
    write(place.buffer);
    device_->copy_ahead(now_, place.at, place.buffer, bytes);
  }
  // The batch's views, from what lies in this place.
  void render() {
    const Batch& batch = *batch_;
    const ViewPlan* plans = static_cast<const ViewPlan*>(place_[now_].at);
    const auto* const pictures = static_cast<const std::uint8_t*>(place_[now_].at) + detail::plan_bytes(batch);
    const int channels = loader_->config().channels;
    std::size_t numbers = 0, first = 0;
    for (const ViewGroup& group : groups_) numbers += views_of(group) * values_of(group);
    if (rendered_numbers_ < numbers) {
      if (rendered_ != nullptr) device_->release(rendered_);
      rendered_ = nullptr, rendered_numbers_ = 0;
      rendered_ = static_cast<T*>(device_->allocate(numbers * sizeof(T)));
      rendered_numbers_ = numbers;
    }
    T* to = images_ = rendered_;
    for (const ViewGroup& group : groups_) {
      const std::size_t views = views_of(group);
      const op::RenderViews op{static_cast<int>(views), channels, group.size, detail::most_taps(batch.plans.data() + first, views)};
      kernel_forward(*device_, op, to, plans + first, pictures);
      to += views * values_of(group), first += views;
    }
  }
  const std::vector<float>& rendered_here() {
    const int channels = loader_->config().channels;
    std::size_t numbers = 0;
    for (const ViewGroup& group : groups_) numbers += views_of(group) * values_of(group);
    here_.resize(numbers);
    float* to = here_.data();
    const ViewPlan* plan = batch_->plans.data();
    for (const ViewGroup& group : groups_)
      for (const auto& picture : batch_->pictures)
        for (int view = 0; view < group.count; ++view, ++plan, to += values_of(group))
          render_view(*plan, picture.data() + plan->at, channels, to, scratch_);
    return here_;
  }
  std::size_t views_of(const ViewGroup& group) const { return batch_->pictures.size() * static_cast<std::size_t>(group.count); }
  std::size_t values_of(const ViewGroup& group) const {
    const std::size_t size = static_cast<std::size_t>(group.size);
    return static_cast<std::size_t>(loader_->config().channels) * size * size;
  }
  void make_room(Place& place, std::size_t bytes) {
    if (place.bytes >= bytes) return;
    free(place);
    if (!batch_->plans.empty()) bytes += bytes / 4;  // the next batch's pictures may be larger
    place.at = device_->allocate(bytes);
    if constexpr (CopiesAhead<Device>) place.buffer = device_->host_buffer(bytes);
    place.bytes = bytes;
  }
  void free(Place& place) {
    if (place.at != nullptr) device_->release(place.at);
    if constexpr (CopiesAhead<Device>)
      if (place.buffer != nullptr) device_->release_host_buffer(place.buffer);
    place = {};
  }

  Device* device_;
  BatchLoader* loader_;
  std::vector<ViewGroup> groups_;
  Place place_[places];
  int now_ = 0;
  const Batch* batch_ = nullptr;
  T *images_ = nullptr, *rendered_ = nullptr;
  std::size_t rendered_numbers_ = 0;
  std::vector<float> here_;
  AugmentScratch scratch_;
};

}  // namespace vitrail
