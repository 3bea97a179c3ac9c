// What tells whether a teacher has collapsed, that is, says the same of every image. Without gradient.
#pragma once
#include "../autograd/run.hpp"
#include "../backends/catalog.hpp"
#include "../core/shape_rules.hpp"

namespace vitrail {

template <class Number> struct TeacherStatistics {
  Number entropy;   // (): of the teacher's mean distribution, nats: ln K if all prototypes are used alike, 0 if one takes everything
  Number variance;  // (): mean square distance of its distributions from their mean: 0 if all images look the same to it
};

// teacher (R, K), centre (K). Writes the mean over rows of the teacher's scores to `latest` (K).
template <Untracked T, int K>
  requires RankIs<shape_of<T>, 2> && LastAxisIs<shape_of<T>, K>
constexpr auto teacher_statistics(const T& teacher, const Parameter<Shape<K>>& centre, const Parameter<Shape<K>>& latest,
                                  double temperature) {
  auto entropy = saved<Shape<>>(teacher);   // ()
  auto variance = saved<Shape<>>(teacher);  // ()
  const op::TeacherStatistics op{teacher.shape.leading(), K, temperature};
  run(op, entropy, variance, wide_weights<scalar_of<T>>(latest), teacher, exact_weights<scalar_of<T>>(centre));
  return TeacherStatistics<decltype(entropy)>{entropy, variance};
}

// The mean square distance of rows, scaled to length one, from their mean: 0 if all point the same way, 1 if all ways. x (R, D) -> ()
template <Untracked X>
  requires RankIs<shape_of<X>, 2>
constexpr auto unit_variance(const X& x) {
  auto y = saved<Shape<>>(x);  // ()
  run(op::UnitVariance{x.shape.leading(), last_extent<shape_of<X>>}, y, x);
  return y;
}

}  // namespace vitrail
