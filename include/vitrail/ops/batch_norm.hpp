// Batch normalisation over rows (Ioffe and Szegedy 2015): every channel to mean 0 and variance 1 over the batch.
#pragma once
#include "../autograd/run.hpp"
#include "../backends/catalog.hpp"
#include "../core/shape_rules.hpp"

namespace vitrail {

// What batch normalisation multiplies and adds by channel, or nothing.
template <int D> struct Affine {
  Parameter<Shape<D>> gain, shift;
};
struct NoAffine {};

namespace detail {
// Gain and shift as a kernel takes them: null where there are none.
template <class T, class A>
constexpr const T* gain_of(const A& affine) {
  if constexpr (std::is_same_v<A, NoAffine>) return nullptr;
  else return weights<T>(affine.gain);
}
template <class T, class A>
constexpr const T* shift_of(const A& affine) {
  if constexpr (std::is_same_v<A, NoAffine>) return nullptr;
  else return weights<T>(affine.shift);
}
}  // namespace detail

struct BatchNormConfig {
  double eps = 1e-5;
  double keep = 0.9;  // share of a running mean that stays at each update: 1 - PyTorch's momentum
};

// x (R, D) -> (R, D). Rows g, g + Groups, g + 2 Groups, ... have statistics of their own: with several views of each image as
// neighbours, those of one view. Writes the batch's mean and unbiased variance to `latest_mean` and `latest_variance`, unless null.
template <int Groups = 1, Value X, class A, class T = scalar_of<X>>
  requires RankIs<shape_of<X>,
  2 > constexpr auto batch_norm(const X& x, const A& affine, wide<T>* latest_mean = nullptr, wide<T>* latest_variance = nullptr,
                                BatchNormConfig config = {}) {
    constexpr int D = last_extent<shape_of<X>>;
    auto y = [&] {  // (R, D)
      if constexpr (std::is_same_v<A, NoAffine>) return fresh<shape_of<X>>(x);
      else return fresh<shape_of<X>>(x, affine.gain, affine.shift);
    }();
    const auto plain = detach(x);
    auto mean = make_tensor<Shape<Groups, D>, wide<T>>(*plain.arena);  // (Groups, D)
    auto rstd = make_tensor<Shape<Groups, D>, wide<T>>(*plain.arena);  // (Groups, D)
    const op::BatchNorm op{x.shape.leading(), D, Groups, config.eps, config.keep};
    run(op, y, mean, rstd, latest_mean, latest_variance, x, detail::gain_of<T>(affine), detail::shift_of<T>(affine));
    if constexpr (Tracked<X>)
      y.tape->on_backward(y.slot, [op, y, x, mean, rstd, affine] {
        const auto dx = sink(x);
        Sink<wide<T>> dgain, dshift;
        if constexpr (!std::is_same_v<A, NoAffine>) dgain = sink<T>(affine.gain), dshift = sink<T>(affine.shift);
        run_backward(op, y, dx, dgain, dshift, y.grad(), x, mean, rstd, detail::gain_of<T>(affine));
      });
    return y;
  }

// The same in evaluation: with a mean and a variance by channel that are given. x (R, D) -> (R, D), no gradient.
template <Untracked X, class A, int D>
  requires RankIs<shape_of<X>, 2> && LastAxisIs<shape_of<X>, D>
constexpr auto normalize_channels(const X& x, const Parameter<Shape<D>>& mean, const Parameter<Shape<D>>& variance, const A& affine,
                                  BatchNormConfig config = {}) {
  using T = scalar_of<X>;
  auto y = fresh<shape_of<X>>(x, mean, variance);  // (R, D)
  run(op::NormalizeChannels{x.shape.leading(), D, config.eps}, y, x, exact_weights<T>(mean), exact_weights<T>(variance),
      detail::gain_of<T>(affine), detail::shift_of<T>(affine));
  return y;
}

}  // namespace vitrail
