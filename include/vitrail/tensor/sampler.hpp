// What a step needs from chance, drawn on the host before the step: index lists, and a random stream.
#pragma once
#include "../core/part.hpp"
#include "../core/random.hpp"
#include "tensor.hpp"

namespace vitrail {

// One row of `Count` integers per sequence: which tokens, which classes. Lives in the sampler that drew it.
template <int Count> struct Indices {
  using shape_type = Shape<dyn, Count>;
  int* at = nullptr;
  shape_type shape{};

  constexpr int* row(int sequence) const { return at + std::int64_t{sequence} * Count; }
};

// A random stream and the memory of what is drawn from it. A blank one has neither: it hands out shapes without content,
// so that an objective's draw() also serves the planning of a step (`cost`), in constant expressions too.
class Sampler {
 public:
  constexpr explicit Sampler(Random random, Part part = {}) : random_(random), part_(part), arena_(memory_) {}
  struct Blank {};
  constexpr explicit Sampler(Blank) : blank_(true), arena_(memory_) {}

  constexpr bool blank() const { return blank_; }
  constexpr const Random& random() const { return random_; }

  // The stream of image b of `batch`: that of its place in the batch, of all ranks' images if there are several.
  constexpr Random random_of(int b, int batch) const { return random_.stream(static_cast<std::uint64_t>(part_.place(b, batch))); }

  // Begins a step: forgets what was drawn; all randomness now comes from `random`.
  constexpr void begin(Random random) {
    random_ = random;
    arena_.reset();
  }
  // Room for (batch, Count) integers, for the caller to fill unless blank().
  template <int Count> constexpr Indices<Count> indices(int batch) {
    Indices<Count> out{nullptr, Shape<dyn, Count>(batch)};
    if (!blank_) out.at = arena_.take<int>(out.shape.size());
    return out;
  }

 private:
  Random random_{};
  Part part_{};
  bool blank_ = false;
  HostMemory memory_;
  Arena<HostMemory> arena_;
};

}  // namespace vitrail
