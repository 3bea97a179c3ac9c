// What an objective is: a module whose draw() takes chance before the step and whose operator() is the loss.
//
//   struct Mine {
//     using images_shape = typename Encoder::images_shape;
//     constexpr auto draw(Sampler& sampler, int batch) const;               // index lists; or (sampler, batch, const Labels&)
//     constexpr auto operator()(const Tracked auto& images, const auto& part) const;   // a scalar, or a struct with .loss
//     void before_step(std::int64_t step);                                  // optional: what changes over training; from 0
//     void after_step(StepScalar momentum);                                 // optional: teachers, running means
//     constexpr void visit(auto&& f);                                       // its members
//   };
// Mark draw, operator() and visit constexpr, and `cost` plans a step inside the compiler.
//
// An objective that wants several views of each image, of one size or more, says which, and is given them size by size. Here two large
// ones and six small ones; row 2i + v of `large` is view v of image i, row 6i + v of `small` likewise:
//
//     using views = Views<View<Shape<dyn, 3, 96, 96>, 2>, View<Shape<dyn, 3, 48, 48>, 6>>;   // instead of images_shape
//     constexpr auto operator()(const Tracked auto& large, const Tracked auto& small, const auto& part) const;
//
// LoaderConfig::views makes them; `batch` counts images.
#pragma once
#include <vector>

#include "../autograd/run.hpp"
#include "../nn/module.hpp"
#include "../tensor/objects.hpp"

namespace vitrail {

namespace detail {
template <class X> constexpr bool is_one_number() {
  if constexpr (Value<X>) return shape_of<X>::rank == 0;
  else return false;
}
}  // namespace detail
template <class X> concept OneNumber = (detail::is_one_number<X>());

// The scalar to differentiate, of what an objective returns.
constexpr auto loss_of(const auto& result) {
  if constexpr (requires { result.loss; }) {
    static_assert(OneNumber<decltype(result.loss)>, "the loss of an objective is one number, of Shape<>: take mean() or sum() of it");
    return result.loss;
  } else {
    static_assert(OneNumber<std::remove_cvref_t<decltype(result)>>,
                  "an objective returns its loss, one number of Shape<> (take mean() or sum() of it), or a struct with a member `loss`");
    return result;
  }
}

// `Count` views of each image in one tensor. Images: the shape of a batch of one view.
template <class Images, int Count = 1> struct View {
  static_assert(Count > 0, "a size that no view has must not be listed");
  using shape = Images;
  static constexpr int count = Count;
};
template <class... V> struct Views {};

namespace detail {
template <class Objective> constexpr auto find_views() {
  if constexpr (requires { typename Objective::views; }) return typename Objective::views{};
  else return Views<View<typename Objective::images_shape>>{};
}
template <class Objective, class Part, class F, class... X>
constexpr auto with_views(Views<>, const Objective& objective, int, const Part& part, F&, const X&... images) {
  return objective(images..., part);
}
template <class V, class... More, class Objective, class Part, class F, class... X>
constexpr auto with_views(Views<V, More...>, const Objective& objective, int batch, const Part& part, F& make, const X&... images) {
  const auto next = make(typename V::shape(batch * V::count));
  return with_views(Views<More...>{}, objective, batch, part, make, images..., next);
}
}  // namespace detail
template <class Objective> using views_of = decltype(detail::find_views<Objective>());

// What the objective makes of a batch; make(shape) gives the images of each size in turn, as Vars.
template <class Objective, class Part, class F>
constexpr auto loss_on_views(const Objective& objective, int batch, const Part& part, F make) {
  return detail::with_views(views_of<Objective>{}, objective, batch, part, make);
}

// The classes of a batch's images, on the host: (B) integers, -1 where unknown; null when a step is only planned. Where images are
// mixed in pairs (mixup, cutmix), `share` of each is its own and the rest that of another one, whose class is in `other`.
struct Labels {
  const int *own, *other;
  double share = 1;
  const std::vector<ViewObject>* objects = nullptr;  // (B) lists of what is to be seen in each image; null where nobody annotated it

  constexpr Labels(const int* all) : own(all), other(all) {}
  constexpr Labels(const int* first, const int* second, double of_first, const std::vector<ViewObject>* things = nullptr)
      : own(first), other(second), share(of_first), objects(things) {}
};

// An objective whose draw takes labels.
template <class Objective> concept LearnsFromLabels =
    requires(const Objective& objective, Sampler& sampler, const Labels& labels) { objective.draw(sampler, 1, labels); };

template <class Objective> constexpr auto draw_for(const Objective& objective, Sampler& sampler, int batch, const Labels& labels) {
  if constexpr (LearnsFromLabels<Objective>) return objective.draw(sampler, batch, labels);
  else return objective.draw(sampler, batch);
}

}  // namespace vitrail
