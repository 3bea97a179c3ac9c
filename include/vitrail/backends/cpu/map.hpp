// A function of the user's on every element: its kernel is compiled with it.
#pragma once
#include <tuple>
#include <type_traits>
#include <utility>

#include "../../core/dual.hpp"
#include "../catalog.hpp"
#include "../cpu.hpp"
#include "ranges.hpp"

namespace vitrail {

template <class F, int Inputs> struct Kernel<op::Map<F, Inputs>, Cpu> {
  template <class T, class... X> static void forward(Cpu& device, const op::Map<F, Inputs>& o, T* y, const X*... x) {
    cpu::over_elements(device, o.n, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) y[i] = static_cast<T>(o.f(x[i]...));
    });
  }
  // dx_k = dy df/dx_k. Before anything of a block is written, all of it is read, so that one of the sinks may be dy itself, and that
  // compilers find nothing in the way of vector code.
  template <class T, class... A> static void backward(Cpu& device, const op::Map<F, Inputs>& o, Sink<T> first, A... rest) {
    const std::tuple<Sink<T>, A...> all{first, rest...};
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      const Sink<T> sink[] = {std::get<I>(all)...};
      const T* dy = std::get<Inputs>(all);
      const T* input[] = {std::get<Inputs + 1 + static_cast<int>(I)>(all)...};
      const auto block = [&]<int Count>(std::integral_constant<int, Count>, std::int64_t at) {
        T dx[Inputs][Count];
        for (int i = 0; i < Count; ++i) {
          const Dual<T, Inputs> y = o.f(Dual<T, Inputs>::variable(input[I][at + i], static_cast<int>(I))...);
          for (int k = 0; k < Inputs; ++k) dx[k][i] = dy[at + i] * y.slope[k];
        }
        for (int k = 0; k < Inputs; ++k)
          cpu::by_mode(sink[k], [&](auto add) {
            for (int i = 0; i < Count; ++i) cpu::put<add()>(sink[k].to[at + i], dx[k][i]);
          });
      };
      cpu::over_elements(device, o.n, [&](std::int64_t begin, std::int64_t end) {
        std::int64_t i = begin;
        for (; i + 64 <= end; i += 64) block(std::integral_constant<int, 64>{}, i);
        for (; i < end; ++i) block(std::integral_constant<int, 1>{}, i);
      });
    }(std::make_index_sequence<static_cast<std::size_t>(Inputs)>{});
  }
};

}  // namespace vitrail
