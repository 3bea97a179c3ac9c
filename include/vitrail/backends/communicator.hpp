// Communicator: how the ranks of a program that trains on one batch exchange numbers. And Alone, which is one rank.
#pragma once
#include <concepts>
#include <cstdint>
#include <exception>
#include <string>

#include "../core/part.hpp"
#include "catalog.hpp"
#include "device.hpp"

namespace vitrail {

// Every rank makes the same calls in the same order; memory is the device's. Results are the same to the last bit on all ranks.
//   all_reduce_mean(device, at, n)            at (n) becomes the mean over ranks, in place
//   all_gather(device, from, to, n)           to (ranks n) = from (n) of rank 0, of rank 1, ...
//   reduce_scatter_sum(device, from, to, n)   to (n) = the sum over ranks of numbers rank n .. rank n + n - 1 of their from (ranks n)
//   broadcast(device, at, n, root)            at (n) becomes rank `root`'s
//   wait(device)                              called before the host waits for the device; throws if another rank no longer answers
//   leave(why)                                makes no more calls: the others, who would wait for ever, throw RankError
template <class C, class D>
concept Communicator = requires(C& ranks, D& device, float* to, const float* from, double* numbers, std::int64_t n, std::string why) {
  { ranks.rank() } -> std::same_as<int>;
  { ranks.ranks() } -> std::same_as<int>;
  ranks.all_reduce_mean(device, to, n);
  ranks.all_reduce_mean(device, numbers, n);
  ranks.all_gather(device, from, to, n);
  ranks.reduce_scatter_sum(device, from, to, n);
  ranks.broadcast(device, to, n, 0);
  ranks.wait(device);
  ranks.leave(why);
};

// One process that trains alone, for programs whose number of ranks is a choice at compile time.
struct Alone {
  int rank() const { return 0; }
  int ranks() const { return 1; }
  template <class D, class T> void all_reduce_mean(D&, T*, std::int64_t) {}
  template <class D, class T> void all_gather(D& device, const T* from, T* to, std::int64_t n) { copy(device, from, to, n); }
  template <class D, class T> void reduce_scatter_sum(D& device, const T* from, T* to, std::int64_t n) { copy(device, from, to, n); }
  template <class D, class T> void broadcast(D&, T*, std::int64_t, int) {}
  template <class D> void wait(D&) {}
  void leave(const std::string&) {}

 private:
  template <class D, class T> static void copy(D& device, const T* from, T* to, std::int64_t n) {
    kernel_forward(device, op::Copy{n}, to, from);
  }
};

// A device that belongs to a rank: see parallel.hpp.
template <class D> concept HasRanks = requires(D& device) {
  device.communicator();
  device.part();
};
// The part of a batch that this device's rank has: all of it where there are no ranks.
template <class D> constexpr Part part_of([[maybe_unused]] D& device) {
  if constexpr (HasRanks<D>) return device.part();
  else return {};
}

// f(), after which, if it throws, this rank leaves, so that the others do not wait for it.
template <class D, class F> decltype(auto) leaving_on_error([[maybe_unused]] D& device, F f) {
  if constexpr (!HasRanks<D>) {
    return f();
  } else {
    try {
      return f();
    } catch (const std::exception& error) {
      device.communicator().leave(error.what());
      throw;
    } catch (...) {
      device.communicator().leave("an exception of another type");
      throw;
    }
  }
}

}  // namespace vitrail
