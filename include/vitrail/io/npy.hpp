// NumPy's .npy arrays, both ways: versions 1 to 3, little-endian, C order.
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "file.hpp"
#include "tensor_entry.hpp"

namespace vitrail {

namespace detail {
// Bytes of a number of NumPy's type; 0: not one that is read.
inline std::size_t npy_bytes_each(const std::string& dtype) {
  if (dtype == "<f8" || dtype == "<i8") return 8;
  if (dtype == "<f4" || dtype == "<i4") return 4;
  return dtype == "|u1" || dtype == "|b1" || dtype == "<u1" || dtype == "<b1" ? 1 : 0;
}
}  // namespace detail

struct NpyArray {
  std::vector<std::int64_t> shape;  // empty for a scalar
  std::string dtype;                // "<f4" "<f8" "<i4" "<i8" "|u1" "|b1", as NumPy writes it
  std::vector<std::byte> bytes;     // row-major

  // All numbers in order, converted as a static_cast does (f8 to float rounds; i8 to double is exact below 2^53). Throws FileError if
  // `dtype` is none of the above.
  template <class T>
  std::vector<T> as() const {
    const std::size_t each = detail::npy_bytes_each(dtype);
    if (each == 0) throw FileError("npy: an array holds '" + dtype + "', expected <f4, <f8, <i4, <i8, |u1 or |b1");
    TensorEntry entry;
    entry.data = bytes.data();
    std::vector<T> out(bytes.size() / each);
    if (dtype == "<f4") detail::convert<float>(entry, out);
    else if (dtype == "<f8") detail::convert<double>(entry, out);
    else if (dtype == "<i4") detail::convert<std::int32_t>(entry, out);
    else if (dtype == "<i8") detail::convert<std::int64_t>(entry, out);
    else detail::convert<std::uint8_t>(entry, out);
    return out;
  }
};

namespace detail {

// The header, a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }.
class NpyHeader {
 public:
  NpyHeader(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr") dtype = quoted();
      else if (key == "fortran_order") fortran = word() == "True", has_order = true;
      else if (key == "shape") read_shape();
      else refuse("the unknown key '" + key.substr(0, 40) + "'");
      if (!accept(',') && peek() != '}') refuse("no comma between its entries");
    }
    if (dtype.empty() || !has_order || !has_shape) refuse("no descr, fortran_order or shape");
  }

  std::string dtype{};
  bool fortran = false, has_order = false, has_shape = false;
  std::vector<std::int64_t> shape{};

 private:
  char peek() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char wanted) { return peek() == wanted ? ++at_, true : false; }
  void expect(char wanted) {
    if (!accept(wanted)) refuse(std::string("no '") + wanted + "' at byte " + std::to_string(at_));
  }
  std::string quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') refuse("something other than text at byte " + std::to_string(at_));
    const std::size_t begin = at_ + 1, end = text_.find(quote, begin);
    if (end == std::string_view::npos) refuse("text without an end");
    at_ = end + 1;
    return std::string(text_.substr(begin, end - begin));
  }
  std::string word() {
    (void)peek();
    const std::size_t begin = at_;
    while (at_ < text_.size() && std::isalpha(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    const std::string found(text_.substr(begin, at_ - begin));
    if (found != "True" && found != "False") refuse("a fortran_order that is neither True nor False");
    return found;
  }
  void read_shape() {
    has_shape = true;
    shape.clear();
    for (expect('('); !accept(')');) {
      std::int64_t extent = 0;
      if (std::isdigit(static_cast<unsigned char>(peek())) == 0) refuse("an extent that is no number");
      for (; at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0; ++at_) {
        if (extent > (std::numeric_limits<std::int64_t>::max() - 9) / 10) refuse("an extent beyond 64 bits");
        extent = 10 * extent + (text_[at_] - '0');
      }
      (void)accept('L');  // Python 2 marked long integers
      shape.push_back(extent);
      if (!accept(',') && peek() != ')') refuse("no comma between its extents");
    }
  }
  [[noreturn]] void refuse(const std::string& found) const {
    throw FileError("npy: " + file_ + ": the header has " + found + "; was it written by NumPy?");
  }

  std::string_view text_;
  std::string file_;
  std::size_t at_ = 0;
};

// Where the header's text begins and how long it is; checked against the file's size.
inline std::pair<std::size_t, std::size_t> npy_header_range(const std::vector<std::byte>& bytes,
                                                            const std::string& file) {
  const auto at = [&](std::size_t i) { return std::to_integer<std::size_t>(bytes[i]); };
  if (bytes.size() < 12 || std::memcmp(bytes.data(), "\x93NUMPY", 6) != 0)
    throw FileError("npy: " + file + " is not a .npy file (read_npz reads .npz)");
  if (at(6) < 1 || at(6) > 3)
    throw FileError("npy: " + file + " has version " + std::to_string(at(6)) + ", expected 1, 2 or 3");
  const std::size_t start = at(6) == 1 ? 10 : 12;
  const std::size_t length = at(6) == 1 ? at(8) | at(9) << 8 : at(8) | at(9) << 8 | at(10) << 16 | at(11) << 24;
  if (length > bytes.size() - start) throw FileError("npy: " + file + " ends within its header; it is truncated");
  return {start, length};
}

}  // namespace detail

// An array of the bytes of a .npy file; `file` stands for it in messages. Throws FileError as read_npy.
inline NpyArray parse_npy(std::vector<std::byte> bytes, const std::string& file) {
  const auto [start, length] = detail::npy_header_range(bytes, file);
  detail::NpyHeader header({reinterpret_cast<const char*>(bytes.data()) + start, length}, file);
  if (header.fortran)
    throw FileError("npy: " + file + " is in Fortran order, expected C order; save numpy.ascontiguousarray(array)");
  const std::string& type = header.dtype;
  const std::size_t each = detail::npy_bytes_each(type);
  if (each == 0)
    throw FileError("npy: " + file + " holds '" + type.substr(0, 40) +
                    "', expected <f4, <f8, <i4, <i8, |u1 or |b1; convert it with array.astype");
  const std::optional<std::size_t> wanted = detail::byte_count(header.shape, each);
  const std::size_t found = bytes.size() - start - length;
  if (!wanted || *wanted != found)
    throw FileError("npy: " + file + " has " + std::to_string(found) + " bytes of data, its shape wants " +
                    (wanted ? std::to_string(*wanted) : "more than memory can hold") + "; it is damaged");
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(start + length));
  return {std::move(header.shape), header.dtype, std::move(bytes)};
}
// Throws FileError, "npy: <path>: …": not a .npy file, truncated, another dtype, big-endian, or Fortran order.
inline NpyArray read_npy(const std::filesystem::path& path) { return parse_npy(read_file(path), path.string()); }

// An array of numbers in row-major order. T: float, double, std::int32_t, std::int64_t or std::uint8_t. Throws ShapeError if the
// number of values is not the shape's.
template <class T> NpyArray npy_array(std::vector<std::int64_t> shape, std::span<const T> values) {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, std::int32_t> ||
                std::is_same_v<T, std::int64_t> || std::is_same_v<T, std::uint8_t>,
                ".npy files hold f4, f8, i4, i8, u1");
  if (detail::byte_count(shape, sizeof(T)) != values.size_bytes())
    throw ShapeError("npy: " + std::to_string(values.size()) + " values do not fill the shape; expected as many as its extents' product");
  const std::span<const std::byte> bytes = std::as_bytes(values);
  const std::string kind = std::is_same_v<T, std::uint8_t> ? "|u" : std::is_floating_point_v<T> ? "<f" : "<i";
  const std::string type = kind + std::to_string(sizeof(T));
  return {std::move(shape), type, std::vector<std::byte>(bytes.begin(), bytes.end())};
}
template <class T> NpyArray npy_array(std::vector<std::int64_t> shape, const std::vector<T>& values) {
  return npy_array(std::move(shape), std::span<const T>(values));
}

// Everything before the numbers in a .npy file: version 1.0, so long that the numbers begin at a multiple of 64 bytes. Throws ShapeError.
inline std::string npy_head(const NpyArray& array) {
  std::string header = "{'descr': '" + array.dtype + "', 'fortran_order': False, 'shape': (";
  for (const std::int64_t extent : array.shape) header += std::to_string(extent) + (array.shape.size() == 1 ? "," : ", ");
  if (array.shape.size() > 1) header.resize(header.size() - 2);
  header += "), }";
  header.append((64 - (10 + header.size() + 1) % 64) % 64, ' ');
  header += '\n';
  if (header.size() > 65535) throw ShapeError("npy: the shape has too many axes for version 1.0; view it with fewer");
  std::string magic("\x93NUMPY\x01\x00", 8);
  magic += static_cast<char>(header.size() & 255);
  magic += static_cast<char>(header.size() >> 8);
  return magic + header;
}
// Writes atomically. Throws FileError.
inline void write_npy(const std::filesystem::path& path, const NpyArray& array) {
  write_atomically(path, [&](FileDraft& draft) {
    draft.write(npy_head(array));
    draft.write(array.bytes);
  });
}
template <class T>
void write_npy(const std::filesystem::path& path, std::vector<std::int64_t> shape, const std::vector<T>& values) {
  write_npy(path, npy_array(std::move(shape), values));
}

}  // namespace vitrail
