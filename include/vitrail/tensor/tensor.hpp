// Tensor: a pointer, its extents and the arena it lives in. Trivially copyable, row-major, contiguous. It cannot carry a
// gradient: what has the type Tensor (a teacher's output, a target, evaluation) is outside differentiation by type.
#pragma once
#include <cstdint>

#include "../core/shape.hpp"
#include "arena.hpp"

namespace vitrail {

template <class S, class Device, class T> struct Tensor {
  using shape_type = S;
  using device_type = Device;
  using scalar = T;

  T* at = nullptr;
  Arena<Device>* arena = nullptr;
  [[no_unique_address]] S shape{};

  constexpr T* data() const { return at; }
  constexpr Device& device() const { return arena->memory(); }
};

template <class X> inline constexpr bool is_tensor = false;
template <class S, class D, class T> inline constexpr bool is_tensor<Tensor<S, D, T>> = true;

// An uninitialised tensor in an arena.
template <class S, class T, class Device> constexpr Tensor<S, Device, T> make_tensor(Arena<Device>& arena, S shape = S()) {
  return {arena.template take<T>(shape.size()), &arena, shape};
}

}  // namespace vitrail
