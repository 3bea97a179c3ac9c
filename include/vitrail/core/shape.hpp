// Shape<dyn, 196, 384>: extents are constants of the type; only the leading one, the batch, may be a run-time number.
#pragma once
#include <cstdint>
#include <string>
#include <type_traits>

#include "config.hpp"
#include "error.hpp"

namespace vitrail {

enum Dyn { dyn };  // an enumerator, so that compilers print `dyn` in their messages and not -1

template <class E> concept IntOrDyn = std::is_same_v<E, int> || std::is_same_v<E, Dyn>;

// All extents static: an empty class.
template <auto... E>
  requires(IntOrDyn<std::remove_const_t<decltype(E)>> && ...)
struct Shape {
  static constexpr int rank = sizeof...(E);
  static constexpr bool dynamic = false;
  static constexpr std::int64_t inner = (std::int64_t{1} * ... * E);  // elements when the batch is one, or static

  constexpr Shape() = default;
  VITRAIL_HD constexpr explicit Shape(int) {}
  VITRAIL_HD static constexpr std::int64_t size() { return inner; }
  // Extent of axis I; negative I counts from the last.
  template <int I> VITRAIL_HD static constexpr int extent() {
    static_assert(I < rank && I >= -rank, "this shape has fewer axes");
    constexpr int all[] = {E..., 0};
    return all[I < 0 ? I + rank : I];
  }
  VITRAIL_HD static constexpr int leading() {
    if constexpr (rank == 0) return 1;
    else return extent<0>();
  }
  friend constexpr bool operator==(Shape, Shape) { return true; }
};

// The batch is a run-time number: one int.
template <int... E> struct Shape<dyn, E...> {
  static constexpr int rank = 1 + sizeof...(E);
  static constexpr bool dynamic = true;
  static constexpr std::int64_t inner = (std::int64_t{1} * ... * E);
  int batch = 0;

  constexpr Shape() = default;
  VITRAIL_HD constexpr explicit Shape(int b) : batch(b) {}
  VITRAIL_HD constexpr std::int64_t size() const { return batch * inner; }
  template <int I> VITRAIL_HD static constexpr int extent() {
    static_assert(I < rank && I >= -rank, "this shape has fewer axes");
    static_assert((I < 0 ? I + rank : I) > 0, "the leading extent is a run-time number: ask leading()");
    constexpr int all[] = {0, E...};
    return all[I < 0 ? I + rank : I];
  }
  VITRAIL_HD constexpr int leading() const { return batch; }
  friend constexpr bool operator==(Shape a, Shape b) { return a.batch == b.batch; }
};

namespace detail {
template <class S> struct shape_traits;
template <auto First, auto... E> struct shape_traits<Shape<First, E...>> {
  static constexpr auto first = First;
  using first_only = Shape<First>;
};
template <class S, int N> struct append;
template <auto... E, int N> struct append<Shape<E...>, N> { using type = Shape<E..., N>; };
template <class A, class B> struct join;
template <auto... A, auto... B> struct join<Shape<A...>, Shape<B...>> { using type = Shape<A..., B...>; };
template <class S> struct drop_last { using type = Shape<>; };
template <auto A, auto B, auto... E> struct drop_last<Shape<A, B, E...>> {
  using type = typename join<Shape<A>, typename drop_last<Shape<B, E...>>::type>::type;
};
}  // namespace detail

template <class S> inline constexpr auto first_extent = detail::shape_traits<S>::first;  // an int, or dyn
template <class S> inline constexpr int last_extent = S::template extent<-1>();
template <class S, int N> using append_axis = typename detail::append<S, N>::type;
template <class S> using drop_last_axis = typename detail::drop_last<S>::type;
template <class S, int N> using replace_last_axis = append_axis<drop_last_axis<S>, N>;

namespace detail {
VITRAIL_NOINLINE inline std::string shape_text(const int* extents, int rank) {
  std::string out = "(";
  for (int i = 0; i < rank; ++i) out.append(i > 0 ? ", " : "").append(std::to_string(extents[i]));
  return out + ")";
}
}  // namespace detail

// "(64, 196, 384)": the numbers of one value, for messages and printing.
template <class S> std::string text(const S& shape) {
  return [&]<int... I>(std::integer_sequence<int, I...>) {
    const int extents[S::rank + 1] = {[&] {
      if constexpr (I == 0) return shape.leading();
      else return S::template extent<I>();
    }()...};
    return detail::shape_text(extents, S::rank);
  }(std::make_integer_sequence<int, S::rank>{});
}

[[noreturn]] inline void refuse_batches(int expected, int found) {
  throw ShapeError("leading extents differ: " + std::to_string(expected) + " against " + std::to_string(found) +
                   "; all inputs of an operation must come from the same batch");
}

}  // namespace vitrail
