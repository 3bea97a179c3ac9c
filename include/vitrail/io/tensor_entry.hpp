// One tensor of a file: a name, a type, a shape, and bytes that belong to somebody else; and the way to its numbers.
#pragma once
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../core/bits.hpp"
#include "../core/error.hpp"

namespace vitrail {

static_assert(std::endian::native == std::endian::little, "safetensors and .npy files are read and written in place");

struct TensorEntry {
  std::string name;
  std::string dtype;                // safetensors' names: F64 F32 F16 BF16, I64 … I8, U64 … U8, BOOL, F8_E5M2, F8_E4M3
  std::vector<std::int64_t> shape;  // row-major; empty for a scalar
  const std::byte* data = nullptr;  // little-endian, not necessarily aligned
  std::size_t bytes = 0;
};

namespace detail {

// Bytes per element of a safetensors type; 0: not a type we know.
inline std::size_t dtype_bytes(std::string_view dtype) {
  for (const char* one : {"U8", "I8", "BOOL", "F8_E5M2", "F8_E4M3"})
    if (dtype == one) return 1;
  for (const char* two : {"F16", "BF16", "I16", "U16"})
    if (dtype == two) return 2;
  for (const char* four : {"F32", "I32", "U32"})
    if (dtype == four) return 4;
  for (const char* eight : {"F64", "I64", "U64"})
    if (dtype == eight) return 8;
  return 0;
}

// The product of the extents times `each`; nothing if an extent is negative or the product does not fit into 63 bits.
inline std::optional<std::size_t> byte_count(const std::vector<std::int64_t>& shape, std::size_t each) {
  constexpr std::uint64_t most = std::uint64_t{1} << 63;
  std::uint64_t total = each;
  bool overflow = false, empty = false;
  for (const std::int64_t extent : shape) {
    if (extent < 0) return std::nullopt;
    if (extent == 0) empty = true;
    else if (total >= most / static_cast<std::uint64_t>(extent)) overflow = true;
    else total *= static_cast<std::uint64_t>(extent);
  }
  if (empty) return 0;
  if (overflow) return std::nullopt;
  return static_cast<std::size_t>(total);
}

template <class Stored, class T>
void convert(const TensorEntry& entry, std::vector<T>& out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Stored value;
    std::memcpy(&value, entry.data + i * sizeof(Stored), sizeof(Stored));
    out[i] = static_cast<T>(value);
  }
}

// Sixteen-bit floats become exact 32-bit floats on the way.
template <class T>
void convert_sixteen(const TensorEntry& entry, std::vector<T>& out, float (*widen)(std::uint16_t)) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, entry.data + 2 * i, 2);
    out[i] = static_cast<T>(widen(bits));
  }
}

}  // namespace detail

// bfloat16: the upper half of a float.
inline float from_bf16(std::uint16_t bits) { return bits_as<float>(std::uint32_t{bits} << 16); }

// IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits.
inline float from_f16(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16, exponent = bits >> 10 & 31u, fraction = bits & 1023u;
  if (exponent == 31) return bits_as<float>(sign | 0x7F800000u | fraction << 13);  // infinity, not-a-number
  if (exponent > 0) return bits_as<float>(sign | (exponent + 112) << 23 | fraction << 13);
  const float size = static_cast<float>(fraction) * 0x1p-24f;  // subnormal
  return sign != 0 ? -size : size;
}

// The numbers of an entry. T real: from F64, F32, F16 or BF16, rounded where T is narrower. T integer: from signed or
// unsigned integers or BOOL that T can hold by its type. Other pairs throw FileError: nothing is converted in silence.
template <class T>
  requires std::floating_point<T> || std::integral<T>
std::vector<T> values_of(const TensorEntry& entry) {
  const std::string& type = entry.dtype;
  const std::size_t each = detail::dtype_bytes(type);
  std::vector<T> out(each == 0 ? 0 : entry.bytes / each);
  if constexpr (std::floating_point<T>) {
    if (type == "F32") return detail::convert<float>(entry, out), out;
    if (type == "F64") return detail::convert<double>(entry, out), out;
    if (type == "F16") return detail::convert_sixteen(entry, out, from_f16), out;
    if (type == "BF16") return detail::convert_sixteen(entry, out, from_bf16), out;
  } else {
    const bool is_signed = type[0] == 'I', is_integer = type[0] == 'U' || type == "BOOL" || is_signed;
    if (is_integer && (is_signed ? std::signed_integral<T> && each <= sizeof(T)
                                 : each < sizeof(T) || (each == sizeof(T) && std::unsigned_integral<T>))) {
      if (type == "I64") return detail::convert<std::int64_t>(entry, out), out;
      if (type == "I32") return detail::convert<std::int32_t>(entry, out), out;
      if (type == "I16") return detail::convert<std::int16_t>(entry, out), out;
      if (type == "I8") return detail::convert<std::int8_t>(entry, out), out;
      if (type == "U64") return detail::convert<std::uint64_t>(entry, out), out;
      if (type == "U32") return detail::convert<std::uint32_t>(entry, out), out;
      if (type == "U16") return detail::convert<std::uint16_t>(entry, out), out;
      return detail::convert<std::uint8_t>(entry, out), out;
    }
  }
  throw FileError("checkpoint: `" + entry.name + "` holds " + type + ", expected " +
                  (std::floating_point<T> ? "F64, F32, F16 or BF16" : "integers of at most " +
                   std::to_string(8 * sizeof(T)) + " bits") + "; convert it before saving");
}

// An entry to be written, whose numbers stay where they are and must outlive it.
template <class T>
TensorEntry tensor_entry(std::string name, std::vector<std::int64_t> shape, std::span<const T> values) {
  static_assert(std::same_as<T, float> || std::same_as<T, double> || (std::integral<T> && !std::same_as<T, bool>),
                "a checkpoint holds float, double and integers");
  const char kind = std::floating_point<T> ? 'F' : std::signed_integral<T> ? 'I' : 'U';
  return {std::move(name), kind + std::to_string(8 * sizeof(T)), std::move(shape),
          reinterpret_cast<const std::byte*>(values.data()), values.size_bytes()};
}
template <class T>
TensorEntry tensor_entry(std::string name, std::vector<std::int64_t> shape, const std::vector<T>& values) {
  return tensor_entry(std::move(name), std::move(shape), std::span<const T>(values));
}

}  // namespace vitrail
