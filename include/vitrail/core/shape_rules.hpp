// The rules that op signatures state, as concepts of one atom each over shapes and plain integers: then both compilers
// print the rule's name and both numbers. (std::same_as adds ten lines; a variable template prints as its name on g++ 12.)
#pragma once
#include <cstddef>
#include <type_traits>
#include <utility>

#include "shape.hpp"

namespace vitrail {

namespace detail {
// Compared from the last axis; a run-time extent is no extent of a table.
template <class Table, class S> constexpr bool trailing_axes_are() {
  if constexpr (Table::rank + (S::dynamic ? 1 : 0) > S::rank) return false;
  else
    return []<int... I>(std::integer_sequence<int, I...>) {
      return ((Table::template extent<-1 - I>() == S::template extent<-1 - I>()) && ...);
    }(std::make_integer_sequence<int, Table::rank>{});
}
}  // namespace detail

template <class A, class B> concept SameShape = std::is_same_v<A, B>;
template <class S, int Wanted> concept LastAxisIs = (S::template extent<-1>() == Wanted);
template <class A, class B> concept SameLastAxis = (A::template extent<-1>() == B::template extent<-1>());
// The leading extents are one number, or both run-time numbers, which the op then compares when it runs.
template <class A, class B> concept SameFirstAxis =
    std::is_same_v<typename detail::shape_traits<A>::first_only, typename detail::shape_traits<B>::first_only>;
template <class S, int Axis, int Part> concept AxisDividesBy = (S::template extent<Axis>() % Part == 0);
template <class S, int Wanted> concept RankIs = (S::rank == Wanted);
template <class Table, class S> concept TableFitsTrailingAxes = (detail::trailing_axes_are<Table, S>());
template <class S, int First, int Count> concept TokensInRange =
    (First >= 0 && Count > 0 && First + Count <= S::template extent<1>());

// static_assert(FitsInto<cost<Pretext>(64).peak_bytes, 4_GiB>): a refusal prints both numbers.
template <auto Needed, auto Budget> concept FitsInto = (Needed <= Budget);

constexpr std::size_t operator""_KiB(unsigned long long n) { return static_cast<std::size_t>(n) << 10; }
constexpr std::size_t operator""_MiB(unsigned long long n) { return static_cast<std::size_t>(n) << 20; }
constexpr std::size_t operator""_GiB(unsigned long long n) { return static_cast<std::size_t>(n) << 30; }

}  // namespace vitrail
