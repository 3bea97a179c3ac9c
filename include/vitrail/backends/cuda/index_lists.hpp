// Copies of the lists that the host draws (which patches, which classes) where kernels can read them. A list is known by its place
// and its contents, so that a step which draws the same uploads nothing, and one that draws anew into the same place is seen. Calls may
// wait to be started (see Replay): a list that none of these uses is copied ahead of them.
#pragma once
#include <cstring>
#include <vector>

#include "machine.hpp"

namespace vitrail::cuda {

template <class Memory>
class IndexLists {
 public:
  explicit IndexLists(Memory& memory) : memory_(&memory) {}
  IndexLists(const IndexLists&) = delete;
  IndexLists& operator=(const IndexLists&) = delete;
  ~IndexLists() {
    for (const List& list : lists_) memory_->release(list.at);
  }

  const int* resident(const int* host, i64 count) {
    const std::size_t n = static_cast<std::size_t>(count);
    for (List& list : lists_) {
      if (list.host != host || list.kept.size() != n) continue;
      if (n > 0 && std::memcmp(list.kept.data(), host, n * sizeof(int)) != 0) {
        list.kept.assign(host, host + n);
        if (list.used == memory_->started()) memory_->upload(list.at, host, n * sizeof(int));
        else memory_->upload_ahead(list.at, host, n * sizeof(int));
      }
      list.used = memory_->started();
      return list.at;
    }
    if (lists_.size() == most) {  // the oldest goes: a program whose lists never lie where they lay
      memory_->release(lists_.front().at);
      lists_.erase(lists_.begin());
    }
    int* const at = static_cast<int*>(memory_->allocate(std::max<std::size_t>(n, 1) * sizeof(int)));
    lists_.push_back({host, at, std::vector<int>(host, host + n), memory_->started()});
    memory_->upload_ahead(at, host, n * sizeof(int));
    return at;
  }

 private:
  struct List {
    const int* host;
    int* at;
    std::vector<int> kept;
    i64 used;  // by what was started when?
  };
  static constexpr std::size_t most = 64;
  Memory* memory_;
  std::vector<List> lists_;
};

}  // namespace vitrail::cuda
