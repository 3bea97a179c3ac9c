// Kernels and products that a step starts, as a list that is started at once: a step whose calls were seen before is one graph. Nothing is
// promised by the step: its code runs every time, and each call is compared with the one of the graph. Kernels' arguments may differ (a
// learning rate, a key of dropped paths): they are put into the graph. Anything else that differs is another graph.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <list>
#include <optional>
#include <type_traits>
#include <vector>

#include "machine.hpp"

namespace vitrail::cuda {

enum class Scalar : char { float32, float64, bfloat16 };
template <class T>
constexpr Scalar scalar_name = Scalar::float32;
template <>
inline constexpr Scalar scalar_name<double> = Scalar::float64;
template <>
inline constexpr Scalar scalar_name<bfloat16> = Scalar::bfloat16;

// A product with its places, whatever its scalars are.
struct Product {
  Gemm g;
  Scalar operands, result;
  void* y;
  const void *a, *b, *bias, *other;
  Fused fused = Fused::none;
  void *kept = nullptr, *sums = nullptr;
  i64 sums_step = 0;
  bool operator==(const Product&) const = default;
};
template <class Y, class T>
Product product_of(const Gemm& g, Y* y, const T* a, const T* b, const Plus<Y>& plus, const Fusion<Y>& fusion = {Fused::none, nullptr}) {
  return {g,           scalar_name<T>,                scalar_name<Y>, y,
          a,           b,                             plus.bias,      plus.other,
          fusion.what, const_cast<Y*>(fusion.kept), fusion.sums,    fusion.sums_step};
}
// What lies between the members of an argument is noise, for which a graph would be changed: zero, where the compiler can tell where it
// lies.
template <class Body> void clear_padding([[maybe_unused]] Body& body) {
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
  __builtin_clear_padding(&body);
#endif
#endif
}
// A kernel, or a product.
struct Call {
  const char* op;
  const void* kernel;  // which function; null: a product
  std::int64_t blocks;
  int threads;
  std::size_t shared_bytes;
  std::size_t at, size;  // of its argument among all; of a product: its number
};

class Calls {
 public:
  template <class Body>
  void add_kernel(const char* op, const void* kernel, const Body& body, std::int64_t blocks, std::size_t shared_bytes) {
    static_assert(std::is_trivially_copyable_v<Body> && alignof(Body) <= alignof(std::max_align_t));
    constexpr std::size_t room = (sizeof(Body) + alignof(std::max_align_t) - 1) / alignof(std::max_align_t) * alignof(std::max_align_t);
    const std::size_t at = arguments_.size();
    arguments_.resize(at + room);
    Body plain = body;
    clear_padding(plain);
    std::memcpy(arguments_.data() + at, &plain, sizeof plain);
    add({op, kernel, blocks, Body::threads, shared_bytes, at, sizeof body}, static_cast<std::uint64_t>(blocks));
  }
  void add_product(const char* op, const Product& product) {
    add({op, nullptr, 0, 0, 0, products_.size(), 0}, reinterpret_cast<std::uintptr_t>(product.y));
    products_.push_back(product);
  }
  void clear() {
    calls_.clear(), arguments_.clear(), products_.clear();
    hash_ = 0;
  }

  bool empty() const { return calls_.empty(); }
  std::size_t size() const { return calls_.size(); }
  const Call& operator[](std::size_t i) const { return calls_[i]; }
  const Product& product(const Call& call) const { return products_[call.at]; }
  const void* argument(const Call& call) const { return arguments_.data() + call.at; }

  // The same calls but for the arguments of kernels.
  bool same_but_for_arguments(const Calls& other) const {
    if (hash_ != other.hash_ || calls_.size() != other.calls_.size() || products_ != other.products_) return false;
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      const Call &a = calls_[i], &b = other.calls_[i];
      if (a.kernel != b.kernel || a.blocks != b.blocks || a.shared_bytes != b.shared_bytes || a.at != b.at) return false;
    }
    return true;
  }
  // f(i) for each call whose argument differs; where that did not throw, it is then as the other's. For lists that are the same but for
  // these.
  template <class F>
  void take_arguments(const Calls& other, F f) {
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      const Call& call = calls_[i];
      if (call.kernel == nullptr || std::memcmp(argument(call), other.argument(call), call.size) == 0) continue;
      f(i);
      take_argument(i, other);
    }
  }
  void take_argument(std::size_t i, const Calls& other) {
    std::memcpy(arguments_.data() + calls_[i].at, other.argument(calls_[i]), calls_[i].size);
  }

 private:
  void add(const Call& call, std::uint64_t more) {
    calls_.push_back(call);
    hash_ = (hash_ ^ reinterpret_cast<std::uintptr_t>(call.kernel) ^ more) * 0x9E3779B97F4A7C15ull;
  }

  std::vector<Call> calls_;
  std::vector<std::byte> arguments_;  // as operator new aligns them
  std::vector<Product> products_;
  std::uint64_t hash_ = 0;
};

// A Driver has
//   issue(calls)              starts them one by one
//   Graph, record(calls)      makes a graph of them, which starts nothing
//   patch(graph, i, calls)    gives call i of the graph the argument that it has in `calls`
//   start(graph)
// A list that is new is issued, so that whatever happens once (memory, plans) has happened before one like it is recorded.
template <class Driver>
class Replay {
 public:
  explicit Replay(Driver& driver) : driver_(&driver) {}

  Calls& waiting() { return waiting_; }
  // So many lists were started: what was used in an earlier one is not used by what waits.
  std::int64_t started() const { return started_; }
  std::int64_t graphs_started() const { return graphs_started_; }  // of these, lists that were a graph
  // Before so many calls wait that the card does.
  void limit() {
    if (waiting_.size() >= most_calls) start();
  }
  void start() {
    if (waiting_.empty()) return;
    ++started_;
    const Emptied after{waiting_};
    for (auto known = known_.begin(); known != known_.end(); ++known) {
      if (!known->calls.same_but_for_arguments(waiting_)) continue;
      known_.splice(known_.begin(), known_, known);  // the latest first
      if (!known->graph) {
        known->graph.emplace(driver_->record(waiting_));
        known->calls = waiting_;
      } else {
        known->calls.take_arguments(waiting_, [&](std::size_t i) { driver_->patch(*known->graph, i, waiting_); });
      }
      driver_->start(*known->graph);
      ++graphs_started_;
      return;
    }
    driver_->issue(waiting_);
    if (known_.size() == most_lists) known_.pop_back();
    known_.push_front({waiting_, {}});
  }

 private:
  struct Known {
    Calls calls;
    std::optional<typename Driver::Graph> graph;
  };
  struct Emptied {  // also where the driver throws: a call that failed is not started once more
    Calls& calls;
    ~Emptied() { calls.clear(); }
  };
  static constexpr std::size_t most_calls = 8192, most_lists = 32;

  Driver* driver_;
  Calls waiting_;
  std::list<Known> known_;
  std::int64_t started_ = 0, graphs_started_ = 0;
};

}  // namespace vitrail::cuda
