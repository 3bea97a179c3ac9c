// A function of the user's on every element: its kernel is compiled with it.
#pragma once
#include <tuple>
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
  // dx_k = dy df/dx_k. All sinks of one element are written together, so that one of them may be dy itself.
  template <class T, class... A> static void backward(Cpu& device, const op::Map<F, Inputs>& o, Sink<T> first, A... rest) {
    const std::tuple<Sink<T>, A...> all{first, rest...};
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      const Sink<T> sink[] = {std::get<I>(all)...};
      const T* dy = std::get<Inputs>(all);
      const T* input[] = {std::get<Inputs + 1 + static_cast<int>(I)>(all)...};
      cpu::over_elements(device, o.n, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          const Dual<T, Inputs> y = o.f(Dual<T, Inputs>::variable(input[I][i], static_cast<int>(I))...);
          const T g = dy[i];
          for (int k = 0; k < Inputs; ++k) {
            if (sink[k].mode == Write::assign) sink[k].to[i] = g * y.slope[k];
            else if (sink[k].mode == Write::add) sink[k].to[i] += g * y.slope[k];
          }
        }
      });
    }(std::make_index_sequence<static_cast<std::size_t>(Inputs)>{});
  }
};

}  // namespace vitrail
