// Tensors to and from other libraries of the same process, by DLPack 1.x (https://dmlc.github.io/dlpack/latest/c_api.html): structs of
// the same layout as DLManagedTensorVersioned and what it holds, which a cast turns into theirs and back. Of the host's memory.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tensor.hpp"

struct DLManagedTensorVersioned;  // theirs, by name alone: a deleter has the type by which they call it

namespace vitrail {

namespace dlpack {

struct Version {
  std::uint32_t major = 1, minor = 0;
};
struct Place {  // DLDevice
  std::int32_t type = 1, number = 0;  // 1: the host's memory
};
enum Code : std::uint8_t { whole = 0, natural = 1, real = 2, bfloat = 4, complex_pair = 5, boolean = 6 };
struct Number {  // DLDataType
  std::uint8_t code = 0, bits = 0;
  std::uint16_t lanes = 1;
};
struct Array {  // DLTensor
  void* data = nullptr;
  Place place{};
  std::int32_t rank = 0;
  Number number{};
  std::int64_t *shape = nullptr, *strides = nullptr;  // strides in numbers, not bytes; null: row-major
  std::uint64_t byte_offset = 0;
};
struct Managed {  // DLManagedTensorVersioned
  Version version{};
  void* context = nullptr;
  void (*deleter)(DLManagedTensorVersioned*) = nullptr;  // to be called once, by whoever has it last
  std::uint64_t flags = 0;
  Array array{};
};
inline constexpr std::uint64_t read_only = 1;  // a flag
static_assert(sizeof(void*) != 8 || (sizeof(Array) == 48 && offsetof(Array, byte_offset) == 40 && sizeof(Managed) == 80 &&
                                     offsetof(Managed, array) == 32),
              "these structs are those of DLPack 1, byte by byte");

struct CallDeleter {
  void operator()(Managed* m) const {
    if (m->deleter != nullptr) m->deleter(reinterpret_cast<DLManagedTensorVersioned*>(m));
  }
};
// Calls the deleter when it goes; release() hands the tensor, and that duty, to somebody else.
using Owned = std::unique_ptr<Managed, CallDeleter>;

template <class T> constexpr Number number_of() {
  static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>, "a tensor holds floating-point numbers or integers");
  return {std::is_floating_point_v<T> ? real : std::is_signed_v<T> ? whole : natural, static_cast<std::uint8_t>(8 * sizeof(T)), 1};
}
inline std::string text(const Number& n) {  // "float32"
  constexpr const char* names[] = {"int", "uint", "float", "opaque", "bfloat", "complex", "bool"};
  const std::string name = (n.code < 7 ? names[n.code] : "type " + std::to_string(n.code) + " of ") + std::to_string(n.bits);
  return n.lanes == 1 ? name : name + " x " + std::to_string(n.lanes);
}

namespace detail {
template <int Rank> struct Lent {  // what a tensor that we lend needs beside its numbers
  Managed managed{};
  std::array<std::int64_t, Rank> shape{}, strides{};
  std::shared_ptr<const void> owner{};
};
template <class S> std::string wanted_text() {  // "(batch, 196, 384)"
  std::string out = vitrail::text(S(1));
  return S::dynamic ? "(batch" + out.substr(2) : out;
}
inline std::string numbers_text(const std::int64_t* at, std::int32_t count) {
  std::string out = "(";
  for (std::int32_t i = 0; i < count; ++i) out += (i > 0 ? ", " : "") + std::to_string(at[i]);
  return out + ")";
}
}  // namespace detail

}  // namespace dlpack

// Lends a tensor's memory. `owner` keeps that memory alive and is let go by the deleter; null where the memory outlives every user.
// With read_only a consumer that keeps to the protocol writes nothing.
template <class S, class D, class T>
dlpack::Owned to_dlpack(const Tensor<S, D, T>& x, std::shared_ptr<const void> owner, bool read_only = false) {
  static_assert(std::is_base_of_v<HostMemory, D>, "DLPack here lends the host's memory only: download what lies on another device");
  auto lent = std::make_unique<dlpack::detail::Lent<S::rank>>();
  if constexpr (S::rank > 0)
    [&]<int... I>(std::integer_sequence<int, I...>) {
      lent->shape = {x.shape.leading(), S::template extent<I - S::rank + 1>()...};
    }(std::make_integer_sequence<int, S::rank - 1>{});
  std::int64_t stride = 1;
  for (std::size_t i = S::rank; i-- > 0; stride *= lent->shape[i]) lent->strides[i] = stride;
  lent->owner = std::move(owner);
  lent->managed.context = lent.get();
  lent->managed.flags = read_only ? dlpack::read_only : 0;
  lent->managed.array = {x.at, {}, S::rank, dlpack::number_of<T>(), lent->shape.data(), lent->strides.data(), 0};
  lent->managed.deleter = [](DLManagedTensorVersioned* m) {
    delete static_cast<dlpack::detail::Lent<S::rank>*>(reinterpret_cast<dlpack::Managed*>(m)->context);
  };
  return dlpack::Owned(&lent.release()->managed);
}

// Throws ShapeError or ConfigError, which name what was expected and what was found, unless these are numbers T in the host's memory, of
// the shape S (a run-time batch may be any), in row-major order. Returns their shape.
template <class S, class T> S check_dlpack(const dlpack::Managed& m) {
  const dlpack::Array& a = m.array;
  const auto refuse = [](const std::string& what) { throw ConfigError("dlpack: " + what); };
  if (m.version.major != 1)
    refuse("expected version 1, found " + std::to_string(m.version.major) + "; ask the producer for max_version=(1, 0)");
  if (a.place.type != 1)
    refuse("expected the host's memory (device type 1), found device type " + std::to_string(a.place.type) + "; copy it to the host first");
  constexpr dlpack::Number wanted = dlpack::number_of<T>();
  if (a.number.code != wanted.code || a.number.bits != wanted.bits || a.number.lanes != 1)
    refuse("expected " + dlpack::text(wanted) + ", found " + dlpack::text(a.number) + "; convert it first");
  const std::string found = a.rank < 0 || (a.rank > 0 && a.shape == nullptr) ? "no shape" : dlpack::detail::numbers_text(a.shape, a.rank);
  const std::string expected = dlpack::detail::wanted_text<S>();
  bool fits = a.rank == S::rank && found != "no shape";
  if constexpr (S::rank > 0) {
    fits = fits && (S::dynamic ? a.shape[0] >= 0 && a.shape[0] <= std::numeric_limits<int>::max() : a.shape[0] == S(1).leading());
    [&]<int... I>(std::integer_sequence<int, I...>) {
      fits = fits && ((a.shape[I + 1] == S::template extent<I - S::rank + 1>()) && ...);
    }(std::make_integer_sequence<int, S::rank - 1>{});
  }
  if (!fits) throw ShapeError("dlpack: expected " + expected + ", found " + found + "; reshape it first");
  std::vector<std::int64_t> strides(S::rank);
  std::int64_t stride = 1;
  for (std::size_t i = S::rank; i-- > 0; stride *= a.shape[i]) strides[i] = stride;
  for (std::size_t i = 0; a.strides != nullptr && stride > 0 && i < S::rank; ++i)
    if (a.shape[i] > 1 && a.strides[i] != strides[i])
      throw ShapeError("dlpack: expected strides " + dlpack::detail::numbers_text(strides.data(), a.rank) + ", found " +
                       dlpack::detail::numbers_text(a.strides, a.rank) + "; make a row-major copy first");
  if (a.data == nullptr && stride > 0) refuse("expected memory, found null; the producer lends nothing");
  if constexpr (S::dynamic) return S(static_cast<int>(a.shape[0]));
  else return S();
}

// A copy of what another library lends, in an arena of the host's; read-only memory will do. The deleter is called in any case.
template <class S, class T, class D> Tensor<S, D, T> from_dlpack(dlpack::Owned lent, Arena<D>& arena) {
  static_assert(std::is_base_of_v<HostMemory, D>, "DLPack here fills the host's memory only: upload from there to another device");
  const auto x = make_tensor<S, T>(arena, check_dlpack<S, T>(*lent));
  if (x.shape.size() > 0)
    std::memcpy(x.at, static_cast<const std::byte*>(lent->array.data) + lent->array.byte_offset,
                static_cast<std::size_t>(x.shape.size()) * sizeof(T));
  return x;
}

}  // namespace vitrail
