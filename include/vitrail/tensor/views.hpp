// A tensor's numbers as the standard library sees them: std::span always, std::mdspan where the compiler's library has it (C++23).
#pragma once
#include <cstddef>
#include <span>
#include <type_traits>
#include <version>

#if defined(__cpp_lib_mdspan)
#include <mdspan>
#endif

#include "tensor.hpp"

namespace vitrail {

// All numbers of a tensor in the host's memory, in row-major order.
template <class S, class D, class T> std::span<T> as_span(const Tensor<S, D, T>& x) {
  static_assert(std::is_base_of_v<HostMemory, D>, "a span reaches the host's memory only: download what lies on another device");
  return {x.at, static_cast<std::size_t>(x.shape.size())};
}

#if defined(__cpp_lib_mdspan)
namespace detail {
template <class S> struct extents_of_shape;
template <auto... E> struct extents_of_shape<Shape<E...>> {
  template <auto Extent> static constexpr std::size_t one =
      std::is_same_v<std::remove_const_t<decltype(Extent)>, int> ? static_cast<std::size_t>(Extent) : std::dynamic_extent;
  using type = std::extents<int, one<E>...>;
};
}  // namespace detail

// The same with its extents: static ones stay static, a run-time batch is the one dynamic extent.
template <class S, class D, class T> auto as_mdspan(const Tensor<S, D, T>& x) {
  using Extents = typename detail::extents_of_shape<S>::type;
  if constexpr (S::dynamic) return std::mdspan<T, Extents>(as_span(x).data(), Extents(x.shape.batch));
  else return std::mdspan<T, Extents>(as_span(x).data(), Extents());
}
#endif

}  // namespace vitrail
