// Parameter: two places, a value and its gradient, in a model's flat buffers. Layers hold these; they have no device and
// no scalar of their own, because both arrive with the value that flows through.
#pragma once
#include <cstdint>
#include <type_traits>

#include "../backends/kernel.hpp"
#include "../core/bfloat16.hpp"
#include "../core/shape.hpp"

namespace vitrail {

enum class Init : char {
  zero,
  one,
  normal,        // mean 0, standard deviation 0.02 (timm's trunc_normal_ cuts at +-2, that is, never)
  xavier,        // uniform, +-sqrt(6 / (in + out)), for a weight (out, in...)
  unit_rows,     // rows uniform in (-1, 1), scaled to length 1: a random codebook
  positions_2d,  // the fixed sine-cosine table of MAE, for (1, lead + grid^2, dim): see vit/position.hpp
};

// Where parameters lie, and how the host reaches them. A model of scalar T holds values and gradients as wide<T>; where that is not T,
// kernels read a copy that is rounded to T, and whoever writes values has it made anew.
struct BufferHome {
  const void* scalar = nullptr;  // the address of scalar_tag<T>
  const char* dtype = "";        // of values: "F32" or "F64"
  std::size_t scalar_bytes = 0;  // of a number of the values and gradients
  void* model = nullptr;         // the model's values begin at `first`, and their copy at `copy`; null where values are T
  const void* first = nullptr;
  void* copy = nullptr;
  void (*download_from)(void* model, void* to, const void* from, std::size_t bytes) = nullptr;
  void (*upload_to)(void* model, void* to, const void* from, std::size_t bytes) = nullptr;
  void (*blend_to)(void* model, void* to, const void* from, std::int64_t count, double keep) = nullptr;

  void download(void* to, const void* from, std::size_t bytes) const { download_from(model, to, from, bytes); }
  void upload(void* to, const void* from, std::size_t bytes) const { upload_to(model, to, from, bytes); }
  // See op::Blend.
  void blend(void* to, const void* from, std::int64_t count, double keep) const { blend_to(model, to, from, count, keep); }
};
template <class T> inline constexpr char scalar_tag = 0;

template <class S> struct Parameter {
  using shape_type = S;
  Init init = S::rank > 1 ? Init::normal : Init::zero;
  bool decay = S::rank > 1;  // weight decay applies
  bool trained = true;       // false: a fixed table or codebook; saved, never updated
  double scale = 1;          // of the initial values
  void* value = nullptr;
  void* gradient = nullptr;
  const BufferHome* home = nullptr;
  std::int64_t frozen_steps = 0;  // so many first steps of the optimiser leave it as it is, and are none of its own
};

template <class T> inline constexpr bool is_parameter = false;
template <class S> inline constexpr bool is_parameter<Parameter<S>> = true;

namespace detail {
[[noreturn]] VITRAIL_NOINLINE inline void refuse_scalar() {
  throw ShapeError("this model holds scalars of another type than its input; give the model and its input the same scalar");
}
}  // namespace detail

namespace detail {
// Not constexpr, so that a plan at compile time ends here, too.
[[noreturn]] VITRAIL_NOINLINE inline void refuse_parameter_missing_from_visit(const char* op, const int* extents, int rank) {
  throw ShapeError(std::string(op) + ": a parameter " + shape_text(extents, rank) +
                   " has no memory; list it in the visit() of its module, and use that module inside a Model");
}
}  // namespace detail

// The weights of a model of scalar T, as it trains them. Null in constant evaluation, where nothing has a place.
template <class T, class S>
constexpr wide<T>* wide_weights(const Parameter<S>& p) {
  if (std::is_constant_evaluated() || p.home == nullptr) return nullptr;
  if (p.home->scalar != &scalar_tag<T>) detail::refuse_scalar();
  return static_cast<wide<T>*>(p.value);
}
// What a kernel takes that reads a parameter which must not be rounded: for run().
template <class T, class S>
constexpr auto exact_weights(const Parameter<S>& p) {
  if constexpr (std::is_same_v<T, wide<T>>) return p;
  else return static_cast<const wide<T>*>(wide_weights<T>(p));
}
// The weights as other kernels read them: a T*, or where they are rounded for kernels, a const T*.
template <class T, class S>
constexpr auto weights(const Parameter<S>& p) {
  wide<T>* const own = wide_weights<T>(p);
  if constexpr (std::is_same_v<T, wide<T>>) {
    return own;
  } else {
    const T* const copy =
        own == nullptr ? nullptr : static_cast<const T*>(p.home->copy) + (own - static_cast<const wide<T>*>(p.home->first));
    return copy;
  }
}
template <class T, class S>
constexpr Sink<wide<T>> sink(const Parameter<S>& p) {
  const Write mode = p.trained ? Write::add : Write::skip;
  if (std::is_constant_evaluated()) return {nullptr, mode};
  return {static_cast<wide<T>*>(p.gradient), mode, S::inner};
}

namespace detail {
template <class To, class S> constexpr Parameter<To> parameter_at(const Parameter<S>& p, std::int64_t offset) {
  Parameter<To> out{p.init, p.decay, p.trained, p.scale, p.value, p.gradient, p.home};
  if (std::is_constant_evaluated() || p.home == nullptr || offset == 0) return out;
  const std::size_t bytes = static_cast<std::size_t>(offset) * p.home->scalar_bytes;
  out.value = static_cast<char*>(p.value) + bytes;
  if (p.gradient != nullptr) out.gradient = static_cast<char*>(p.gradient) + bytes;
  return out;
}
}  // namespace detail

// The same numbers under another shape of equal size.
template <class To, class S> constexpr Parameter<To> view(const Parameter<S>& p) {
  static_assert(To::inner == S::inner, "a view must keep the number of elements");
  return detail::parameter_at<To>(p, 0);
}
// Rows First .. First + Count - 1 of a table (1, rows, dim) or (rows, dim), as (Count, dim).
template <int First, int Count, class S> constexpr auto table_rows(const Parameter<S>& table) {
  constexpr int dim = last_extent<S>;
  static_assert(First >= 0 && std::int64_t{First + Count} * dim <= S::inner, "the table has fewer rows");
  return detail::parameter_at<Shape<Count, dim>>(table, std::int64_t{First} * dim);
}

}  // namespace vitrail
