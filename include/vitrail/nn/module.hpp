// What a module is: something with visit(), which lists its members by name. One traversal counts, initialises, places,
// copies, prints and saves parameters.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "../autograd/parameter.hpp"

namespace vitrail {

// Where a parameter stands in its model. Lives on the traversal's stack: no string is made until someone asks.
struct Path {
  const Path* up = nullptr;
  const char* name = nullptr;
  int index = -1;

  constexpr std::uint64_t hash() const {  // of the same names and numbers (FNV-1a, 64 bits)
    std::uint64_t h = up != nullptr ? up->hash() : 0xCBF29CE484222325ull;
    const auto mix = [&](std::uint64_t byte) { h = (h ^ byte) * 0x100000001B3ull; };
    if (name != nullptr)
      for (const char* c = name; *c != 0; ++c) mix(static_cast<unsigned char>(*c));
    if (index >= 0) mix(0x100 + static_cast<std::uint64_t>(index));
    mix('.');
    return h;
  }
  std::string text() const {  // "blocks.3.attn.qkv.weight"
    const std::string here = name != nullptr ? name : index >= 0 ? std::to_string(index) : "";
    if (up == nullptr) return here;
    const std::string before = up->text();
    return before.empty() || here.empty() ? before + here : before + "." + here;
  }
};

namespace detail {
struct AnyVisitor {
  template <class M> constexpr void operator()(const char*, M&) const {}
};
template <class T> inline constexpr bool is_array = false;
template <class T, std::size_t N> inline constexpr bool is_array<std::array<T, N>> = true;
}  // namespace detail

template <class M> concept ListsItsMembersInVisit = requires(M& m) { m.visit(detail::AnyVisitor{}); };

// Calls f(path, parameter) for every parameter below m, in the order of visit(). A module with `frozen = true` (a teacher)
// makes everything below it untrained: f's third argument, where it takes one, says whether a parameter is trained.
template <class M, class F> constexpr void each_parameter(M& m, F&& f, const Path& path = {}, bool trained = true) {
  if constexpr (is_parameter<M>) {
    if constexpr (requires { f(path, m, trained); }) f(path, m, trained && m.trained);
    else f(path, m);
  } else if constexpr (detail::is_array<M>) {
    int i = 0;
    for (auto& item : m) each_parameter(item, f, Path{&path, nullptr, i++}, trained);
  } else {
    static_assert(ListsItsMembersInVisit<M>,
                  "this member of a model has no visit(): list its members, "
                  "constexpr void visit(auto&& f) { f(\"name\", name); ... }");
    if constexpr (ListsItsMembersInVisit<M>) {
      bool below = trained;
      if constexpr (requires { M::frozen; }) below = below && !M::frozen;
      m.visit([&](const char* name, auto& child) { each_parameter(child, f, Path{&path, name, -1}, below); });
    }
  }
}

// A parameter whatever its shape, and where it stands. The pointers lead into the module.
struct ParameterEntry {
  std::string name;                   // "blocks.3.attn.qkv.weight"
  std::uint64_t hash = 0;             // of its path: see Path::hash
  std::vector<std::int64_t> extents;  // its shape
  std::int64_t count = 0;             // numbers in it
  Init init = Init::zero;
  bool decay = false, trained = false;  // trained: and below no teacher
  double scale = 1;
  void **value = nullptr, **gradient = nullptr;
  const BufferHome** home = nullptr;
  bool* own_trained = nullptr;
  const std::int64_t* frozen_steps = nullptr;
};

namespace detail {
// One type for all modules, so that a block's traversal is compiled once, whoever holds the block; and one function for all shapes.
struct CollectParameters {
  std::vector<ParameterEntry>* out;
  template <int... E> void operator()(const Path& path, Parameter<Shape<E...>>& p, bool trained) const {
    constexpr std::int64_t extents[] = {E..., 0};
    ParameterEntry& entry = add(path, extents, sizeof...(E), Shape<E...>::inner);
    entry.init = p.init, entry.decay = p.decay, entry.trained = trained, entry.scale = p.scale;
    entry.value = &p.value, entry.gradient = &p.gradient, entry.home = &p.home;
    entry.own_trained = &p.trained, entry.frozen_steps = &p.frozen_steps;
  }

 private:
  VITRAIL_NOINLINE ParameterEntry& add(const Path& path, const std::int64_t* extents, std::size_t rank, std::int64_t count) const {
    ParameterEntry& entry = out->emplace_back();
    entry.name = path.text(), entry.hash = path.hash(), entry.extents.assign(extents, extents + rank), entry.count = count;
    return entry;
  }
};
}  // namespace detail

// All parameters below a module as a list, in the order of visit(): for loops that need no shape in the type.
template <class M> std::vector<ParameterEntry> parameters_of(M& module) {
  std::vector<ParameterEntry> out;
  each_parameter(module, detail::CollectParameters{&out});
  return out;
}

// Numbers that training changes, in all parameters of M.
template <class M> constexpr std::int64_t count_parameters() {
  M m{};
  std::int64_t n = 0;
  each_parameter(m, [&](const Path&, auto& p, bool trained) {
    if (trained) n += std::remove_reference_t<decltype(p)>::shape_type::inner;
  });
  return n;
}

}  // namespace vitrail
