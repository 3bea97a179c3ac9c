// Every object as text: text(x) says what a value, a parameter, a module or a model is; print(out, x) writes it as lines.
// The first numbers are fetched from the device. ViTConfig and Cost have their text() beside them.
#pragma once
#include <algorithm>
#include <cstdio>
#include <ostream>
#include <string>
#include <type_traits>
#include <vector>

#include "../autograd/var.hpp"
#include "model.hpp"

namespace vitrail {

namespace detail {

template <class T> constexpr const char* scalar_name() {
  if (std::is_same_v<T, bfloat16>) return "bfloat16";
  return std::is_same_v<T, float> ? "float" : std::is_same_v<T, double> ? "double" : std::is_same_v<T, int> ? "int" : "numbers";
}
template <class T> std::string first_numbers(const std::vector<T>& first, std::int64_t all) {
  std::string out = "[";
  for (std::size_t i = 0; i < first.size(); ++i) {
    char number[40];
    std::snprintf(number, sizeof number, "%.4g", static_cast<double>(first[i]));
    out += (i > 0 ? ", " : "") + std::string(number);
  }
  return out + (all > static_cast<std::int64_t>(first.size()) ? ", ...]" : "]");
}
inline constexpr std::int64_t shown_numbers = 6;

inline std::string grouped(std::int64_t n) {  // "5,524,416"
  std::string out = std::to_string(n);
  for (std::size_t at = out.size(); at > 3;) out.insert(at -= 3, ",");
  return out;
}

// A tree of names, shapes and counts, without templates but for the walk.
struct TreeLine {
  std::string name, shape;
  std::int64_t numbers = 0;
  bool trained = true;
  int depth = 0;
};
template <class M> std::int64_t collect_tree(M& m, const std::string& name, int depth, bool trained, std::vector<TreeLine>& lines) {
  const std::size_t here = lines.size();
  lines.push_back({name, "", 0, trained, depth});
  std::int64_t numbers = 0;
  if constexpr (is_parameter<M>) {
    using S = typename M::shape_type;
    numbers = S::inner;
    lines[here].shape = text(S()), lines[here].trained = trained && m.trained;
  } else if constexpr (is_array<M>) {  // of one type: the first stands for all
    lines.pop_back();
    if (m.size() == 0) return 0;
    numbers = static_cast<std::int64_t>(m.size()) * collect_tree(m[0], name + " x " + std::to_string(m.size()), depth, trained, lines);
    lines[here].shape += lines[here].shape.empty() ? "each" : " each";
    return numbers;
  } else {
    if constexpr (requires { M::frozen; }) lines[here].trained = trained = trained && !M::frozen;
    m.visit([&](const char* child, auto& member) { numbers += collect_tree(member, child, depth + 1, trained, lines); });
  }
  lines[here].numbers = numbers;
  return numbers;
}
inline std::string tree_text(const std::vector<TreeLine>& lines) {
  std::size_t names = 0, shapes = 0;
  for (const TreeLine& l : lines) {
    names = std::max(names, l.name.size() + 2 * static_cast<std::size_t>(l.depth));
    shapes = std::max(shapes, l.shape.size());
  }
  std::string out;
  for (const TreeLine& l : lines) {
    std::string name = std::string(2 * static_cast<std::size_t>(l.depth), ' ') + l.name, shape = l.shape, count = grouped(l.numbers);
    name.resize(names + 2, ' '), shape.resize(shapes, ' ');
    if (count.size() < 14) count.insert(0, 14 - count.size(), ' ');
    out += name + shape + count + (l.trained ? "" : "  not trained") + "\n";
  }
  return out;
}

}  // namespace detail

// "Tensor (2, 196, 384) of float [0.1, -0.2, ...]"
template <class S, class D, class T> std::string text(const Tensor<S, D, T>& x) {
  std::vector<T> first(static_cast<std::size_t>(std::min(detail::shown_numbers, x.at == nullptr ? 0 : x.shape.size())));
  if (!first.empty()) x.device().download(first.data(), x.at, first.size() * sizeof(T));
  return "Tensor " + text(x.shape) + " of " + detail::scalar_name<T>() + " " + detail::first_numbers(first, x.shape.size());
}
// The same, and whether it is differentiated.
template <class S, class D, class T> std::string text(const Var<S, D, T>& x) {
  return "Var" + text(x.value).substr(6) + (x.slot != nullptr ? ", wants a gradient" : ", wants no gradient");
}
template <class S> std::string text(const Parameter<S>& p) {
  const std::string what = "Parameter " + text(S()) + (p.trained ? p.decay ? ", trained, decays" : ", trained" : ", not trained");
  if (p.home == nullptr) return what + ", without memory";
  const auto numbers = [&]<class T>(T) {
    std::vector<T> first(static_cast<std::size_t>(std::min(detail::shown_numbers, S::inner)));
    p.home->download(first.data(), p.value, first.size() * sizeof(T));
    return what + ", of " + detail::scalar_name<T>() + " " + detail::first_numbers(first, S::inner);
  };
  return p.home->scalar_bytes == sizeof(float) ? numbers(0.0f) : numbers(0.0);
}
// A tree: every member's name, shape and how many numbers it holds. Equal layers of an array are shown once, with one layer's counts.
template <class M>
  requires(ListsItsMembersInVisit<M> && !std::is_const_v<M>)
std::string text(M& module) {
  std::vector<detail::TreeLine> lines;
  detail::collect_tree(module, "module", 0, true, lines);
  return detail::tree_text(lines);
}
template <class M, class D, class T> std::string text(Model<M, D, T>& model) {
  std::vector<detail::TreeLine> lines;
  detail::collect_tree(*model, "model", 0, true, lines);
  return detail::tree_text(lines) + detail::grouped(model.trained()) + " numbers of " + detail::scalar_name<T>() + " are trained, " +
         detail::grouped(model.size() - model.trained()) + " are not\n";
}

// Anything that has a text(), and the end of its line.
template <class X> std::ostream& print(std::ostream& out, X&& x) {
  const std::string all = text(x);
  return out << all << (all.ends_with('\n') ? "" : "\n");
}

}  // namespace vitrail
