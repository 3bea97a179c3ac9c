// Parallel<D, C>: the same device, as one rank of several that train on one batch. C, a Communicator, exchanges numbers. Only the ops of
// ops/ranks.hpp and fit know of it.
#pragma once
#include <utility>

#include "../core/part.hpp"
#include "communicator.hpp"
#include "kernel.hpp"

namespace vitrail {

//   Threads::Rank rank = ...;                          // or Nccl rank({...}), or Alone rank;
//   Parallel<Cpu, Threads::Rank> device(rank, 2);      // the communicator, then what D is made of
template <class D, class C> class Parallel : public D {
  static_assert(Communicator<C, D>, "Parallel<D, C>: C must be a communicator for D, see vitrail/backends/communicator.hpp");

 public:
  template <class... A> explicit Parallel(C& communicator, A&&... of_device)
      : D(std::forward<A>(of_device)...), communicator_(&communicator), part_{communicator.rank(), communicator.ranks()} {}
  ~Parallel() {
    if (room_ != nullptr) D::release(room_);
  }

  C& communicator() { return *communicator_; }
  // Which images of a batch are this rank's: for LoaderConfig::part.
  const Part& part() const { return part_; }
  void set_part(const Part& part) { part_ = part; }  // the loader's, where it is mirrored; fit does it

  void upload(void* to, const void* from, std::size_t bytes) {
    communicator_->wait(plain());
    D::upload(to, from, bytes);
  }
  void download(void* to, const void* from, std::size_t bytes) {
    communicator_->wait(plain());
    D::download(to, from, bytes);
  }
  void download_all(const Download* all, int count)
    requires DownloadsTogether<D>
  {
    communicator_->wait(plain());
    D::download_all(all, count);
  }
  void synchronise() {
    communicator_->wait(plain());
    D::synchronise();
  }
  D& plain() { return *this; }

  // Working memory of what ranks exchange; it grows to the largest request and stays.
  template <class T> T* exchange_room(std::int64_t count) {
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
    if (bytes > room_bytes_) {
      if (room_ != nullptr) D::release(room_);
      room_ = nullptr, room_bytes_ = 0;
      room_ = D::allocate(bytes);
      room_bytes_ = bytes;
    }
    return static_cast<T*>(room_);
  }

 private:
  C* communicator_;
  Part part_;
  void* room_ = nullptr;
  std::size_t room_bytes_ = 0;
};

template <class Op, class D, class C>
  requires DeviceHasKernel<Op, D>
struct Kernel<Op, Parallel<D, C>> {
  static void forward(Parallel<D, C>& device, const Op& op, auto... a) { kernel_forward(device.plain(), op, a...); }
  static void backward(Parallel<D, C>& device, const Op& op, auto... a) { kernel_backward(device.plain(), op, a...); }
};

// y (ranks n) = x (n) of all ranks. Backward: the transpose of that map, which sums what all ranks find out about a rank's numbers.
template <class D, class C> struct Kernel<op::AllRows, Parallel<D, C>> {
  template <class T> static void forward(Parallel<D, C>& device, const op::AllRows& o, T* y, const T* x) {
    device.communicator().all_gather(device.plain(), x, y, o.n);
  }
  template <class T> static void backward(Parallel<D, C>& device, const op::AllRows& o, Sink<T> dx, const T* dy) {
    if (dx.skipped()) return;
    if (dx.mode == Write::assign) return device.communicator().reduce_scatter_sum(device.plain(), dy, dx.to, o.n);
    T* const sum = device.template exchange_room<T>(o.n);
    device.communicator().reduce_scatter_sum(device.plain(), dy, sum, o.n);
    kernel_backward(device.plain(), op::Add{o.n}, dx, static_cast<const T*>(sum));
  }
};
template <class D, class C> struct Kernel<op::OwnRows, Parallel<D, C>> {
  template <class T> static void forward(Parallel<D, C>& device, const op::OwnRows& o, T* y, const T* x) {
    kernel_forward(device.plain(), op::Copy{o.n}, y, x + o.first());
  }
  template <class T> static void backward(Parallel<D, C>& device, const op::OwnRows& o, Sink<T> dx, const T* dy) {
    if (dx.skipped()) return;
    if (dx.mode == Write::assign) device.template fill<T>(dx.to, o.n * o.ranks, T(0));
    kernel_backward(device.plain(), op::Add{o.n}, Sink<T>{dx.to + o.first(), Write::add, o.n}, dy);
  }
};
template <class D, class C> struct Kernel<op::MeanOverRanks, Parallel<D, C>> {
  template <class T> static void forward(Parallel<D, C>& device, const op::MeanOverRanks& o, T* at) {
    device.communicator().all_reduce_mean(device.plain(), at, o.n);
  }
  template <class... A> static void backward(A&&...) = delete;
};

}  // namespace vitrail
