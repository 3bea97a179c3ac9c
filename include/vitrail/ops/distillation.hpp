// Self-distillation (DINO: Caron et al., "Emerging properties in self-supervised vision transformers", 2021, section 3): the
// cross-entropy of a student's scores with a teacher's centred and sharpened softmax.
#pragma once
#include "../autograd/run.hpp"
#include "../backends/catalog.hpp"
#include "../core/shape_rules.hpp"

namespace vitrail {

template <class S, class T> concept SamePrototypes = (S::template extent<-1>() == T::template extent<-1>());

// Which rows are what: the views of an image are neighbours.
struct DistillationViews {
  int student = 1, teacher = 1;  // of each image
  bool skip_same = false;        // the student's first views are the teacher's: a view does not learn from itself
};
struct DistillationTemperatures {
  double student = 0.1, teacher = 0.04;
};

// student (B Vs, K), teacher (B Vt, K), centre (K) -> (): the mean over images and pairs of views, nats. Keeps a number per row.
template <DistillationViews V, Value S, Value T, int K>
  requires RankIs<shape_of<S>, 2> && RankIs<shape_of<T>, 2>
constexpr auto distillation(const S& student, const T& teacher, const Parameter<Shape<K>>& centre, DistillationTemperatures temperatures) {
  static_assert(Untracked<T>, "a teacher receives no gradient: call detach() first");
  static_assert(SamePrototypes<shape_of<S>, shape_of<T>>, "distillation: teacher and student must have the same number of prototypes");
  static_assert(last_extent<shape_of<T>> == K, "distillation: the centre must have one number per prototype");
  static_assert(op::Distillation{1, V.student, V.teacher, K, V.skip_same, 1, 1}.pairs_of_image() > 0,
                "distillation: no view of the student has another one of the teacher to learn from");
  const int images = student.shape.leading() / V.student;
  const auto s = view(student, Shape<dyn, V.student * K>(images));  // (B, Vs K)
  const auto t = view(teacher, Shape<dyn, V.teacher * K>(teacher.shape.leading() / V.teacher));  // (B, Vt K)
  auto loss = fresh_wide<Shape<>>(s, t);                   // ()
  auto lse = saved<Shape<dyn, V.student>>(s);         // (B, Vs)
  auto teacher_lse = saved<Shape<dyn, V.teacher>>(s);  // (B, Vt)
  const op::Distillation op{images, V.student, V.teacher, K, V.skip_same, temperatures.student, temperatures.teacher};
  run(op, loss, lse, teacher_lse, s, t, exact_weights<scalar_of<S>>(centre));
  if constexpr (Tracked<S>)
    loss.tape->on_backward(loss.slot, [op, loss, s, lse, t, teacher_lse, centre] {
      run_backward(op, loss, sink(s), loss.grad(), s, lse, t, teacher_lse, exact_weights<scalar_of<S>>(centre));
    });
  return loss;
}

}  // namespace vitrail
