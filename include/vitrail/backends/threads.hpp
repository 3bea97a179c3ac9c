// Threads: ranks that are threads of one process, each with a device of its own in the host's memory. For machines whose cores one model
// does not fill, and for trying on any machine what several cards will do.
#pragma once
#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <typeinfo>
#include <vector>

#include "../core/error.hpp"
#include "../tensor/arena.hpp"
#include "communicator.hpp"

namespace vitrail {

// Sums run in the order of ranks: the same bits on all of them and in every run.
class Threads {
 public:
  explicit Threads(int ranks) {
    if (ranks < 1) throw ConfigError("Threads: expected at least 1 rank, found " + std::to_string(ranks));
    calls_.resize(static_cast<std::size_t>(ranks));
  }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  int ranks() const { return static_cast<int>(calls_.size()); }

  // A thread's own end, which makes the calls. A rank that goes out of life has left. Must not outlive its Threads.
  class Rank {
   public:
    Rank(Threads& all, int rank) : all_(&all), rank_(rank) {
      if (rank < 0 || rank >= all.ranks())
        throw ConfigError("Threads: expected a rank in 0 .. " + std::to_string(all.ranks() - 1) + ", found " + std::to_string(rank));
    }
    Rank(const Rank&) = delete;
    Rank& operator=(const Rank&) = delete;
    ~Rank() { leave("it ended"); }

    int rank() const { return rank_; }
    int ranks() const { return all_->ranks(); }
    // Each rank computes a share of the numbers, for all.
    template <class D, class T> void all_reduce_mean(D& device, T* at, std::int64_t n) {
      const std::int64_t count = ranks();
      exchange(device, "all_reduce_mean", static_cast<T*>(at), n, 0, [&](const std::vector<Call>& calls) {
        for (std::int64_t i = n * rank_ / count; i < n * (rank_ + 1) / count; ++i) {
          wide<T> sum = 0;
          for (const Call& call : calls) sum += static_cast<const T*>(call.at)[i];
          sum /= static_cast<wide<T>>(count);
          for (const Call& call : calls) static_cast<T*>(call.at)[i] = static_cast<T>(sum);
        }
      });
    }
    template <class D, class T> void all_gather(D& device, const T* from, T* to, std::int64_t n) {
      exchange(device, "all_gather", const_cast<T*>(from), n, 0, [&](const std::vector<Call>& calls) {
        for (const Call& call : calls) to = std::copy_n(static_cast<const T*>(call.at), n, to);
      });
    }
    template <class D, class T> void reduce_scatter_sum(D& device, const T* from, T* to, std::int64_t n) {
      exchange(device, "reduce_scatter_sum", const_cast<T*>(from), n, 0, [&](const std::vector<Call>& calls) {
        for (std::int64_t i = 0; i < n; ++i) {
          wide<T> sum = 0;
          for (const Call& call : calls) sum += static_cast<const T*>(call.at)[n * rank_ + i];
          to[i] = static_cast<T>(sum);
        }
      });
    }
    template <class D, class T> void broadcast(D& device, T* at, std::int64_t n, int root) {
      exchange(device, "broadcast", at, n, root, [&](const std::vector<Call>& calls) {
        if (rank_ != root) std::copy_n(static_cast<const T*>(calls[static_cast<std::size_t>(root)].at), n, at);
      });
    }
    template <class D> void wait(D&) {}
    void leave(const std::string& why) { all_->leave(rank_, why); }

   private:
    template <class D, class T, class F> void exchange(D& device, const char* name, T* at, std::int64_t n, int root, F f) {
      static_assert(std::is_base_of_v<HostMemory, D>, "Threads moves numbers in the host's memory: use Cpu; cards exchange by Nccl");
      device.synchronise();
      all_->calls_[static_cast<std::size_t>(rank_)] = {name, at, n, root, &typeid(T)};
      all_->meet(rank_);
      all_->check();
      f(all_->calls_);
      all_->meet(rank_);  // nobody's numbers change while another one reads them
    }
    Threads* all_;
    int rank_;
  };

 private:
  struct Call {
    const char* name = "";
    void* at = nullptr;
    std::int64_t n = 0;
    int root = 0;
    const std::type_info* type = nullptr;
    bool operator==(const Call& o) const {
      return std::string(name) == o.name && n == o.n && root == o.root && *type == *o.type;
    }
    std::string text() const { return std::string(name) + " of " + std::to_string(n) + " numbers"; }
  };

  // Returns when all ranks are here.
  void meet(int rank) {
    std::unique_lock lock(mutex_);
    const std::int64_t round = round_;
    if (gone_.empty() && ++arrived_ == ranks()) {
      arrived_ = 0, ++round_;
      changed_.notify_all();
      return;
    }
    changed_.wait(lock, [&] { return round_ != round || !gone_.empty(); });
    if (round_ == round) throw RankError("rank " + std::to_string(rank) + " cannot go on: " + gone_);
  }
  // All ranks throw the same, or none.
  void check() const {
    for (std::size_t r = 1; r < calls_.size(); ++r)
      if (!(calls_[r] == calls_[0]))
        throw RankError("ranks must make the same calls: rank 0 calls " + calls_[0].text() + ", rank " + std::to_string(r) + " " +
                        calls_[r].text() + "; run the same program with the same settings on all ranks");
  }
  void leave(int rank, const std::string& why) {
    const std::lock_guard lock(mutex_);
    if (gone_.empty()) gone_ = "rank " + std::to_string(rank) + " has left: " + why;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Call> calls_;  // of each rank, the last
  int arrived_ = 0;
  std::int64_t round_ = 0;
  std::string gone_;  // the first that left, and why
};

// f(rank) on a thread for each of so many ranks. Returns when all have returned; if some threw, rethrows what the first of those had to
// say of itself, not that it waited for another one.
template <class F> void run_ranks(int ranks, F f) {
  Threads all(ranks);
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(ranks));
  std::vector<char> waited(static_cast<std::size_t>(ranks), 0);
  std::vector<std::thread> threads;
  for (int r = 0; r < ranks; ++r)
    threads.emplace_back([&, r] {
      const std::size_t own = static_cast<std::size_t>(r);
      Threads::Rank rank(all, r);
      try {
        f(rank);
      } catch (const RankError&) {
        errors[own] = std::current_exception(), waited[own] = 1;
      } catch (const std::exception& error) {
        errors[own] = std::current_exception();
        rank.leave(error.what());
      } catch (...) {
        errors[own] = std::current_exception();
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const bool only_waited : {false, true})
    for (std::size_t r = 0; r < errors.size(); ++r)
      if (errors[r] != nullptr && (waited[r] != 0) == only_waited) std::rethrow_exception(errors[r]);
}

}  // namespace vitrail
