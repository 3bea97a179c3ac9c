// Reads little-endian real and int64 `.npy` files (NumPy's format 1.0 to 3.0, C order): enough for the fixtures, and
// independent of the library, so that tests of its lowest layers may use it.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace npy {

static_assert(std::endian::native == std::endian::little, "the fixtures are little-endian");

// What stands behind a key of the header's Python dictionary, as far as the next comma outside parentheses.
inline std::string header_value(const std::string& header, const std::string& key) {
  const std::size_t found = header.find("'" + key + "'");
  if (found == std::string::npos) throw std::runtime_error("npy: the header has no key '" + key + "'");
  const std::size_t begin = header.find_first_not_of(" :", found + key.size() + 2);
  const std::size_t end = header.find(header.at(begin) == '(' ? ')' : ',', begin);
  return header.substr(begin, end - begin);
}

inline std::size_t element_count(const std::string& shape) {
  std::istringstream numbers(shape.substr(1));
  std::size_t count = 1, extent = 0;
  for (char comma = 0; numbers >> extent; numbers >> comma) count *= extent;
  return count;
}

inline std::string read_header(std::istream& in) {
  unsigned char start[8] = {}, length[4] = {};
  in.read(reinterpret_cast<char*>(start), 8);
  if (std::string(start, start + 6) != "\x93NUMPY") throw std::runtime_error("npy: this is not a .npy file");
  in.read(reinterpret_cast<char*>(length), start[6] == 1 ? 2 : 4);
  std::string header(length[0] + 256u * length[1] + 65536u * length[2], ' ');
  in.read(header.data(), static_cast<std::streamsize>(header.size()));
  return header;
}

// All elements in file order. T is double, float or std::int64_t and must be what the file holds.
template <class T>
std::vector<T> read(const std::filesystem::path& path) {
  static_assert(std::is_same_v<T, double> || std::is_same_v<T, float> || std::is_same_v<T, std::int64_t>);
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("npy: cannot open " + path.string());
  const std::string header = read_header(in);
  const std::string wanted = std::is_integral_v<T> ? "'<i8'" : sizeof(T) == 8 ? "'<f8'" : "'<f4'";
  if (header_value(header, "descr") != wanted || header_value(header, "fortran_order") != "False")
    throw std::runtime_error("npy: " + path.string() + " should hold " + wanted + " in C order: " + header);
  std::vector<T> values(element_count(header_value(header, "shape")));
  in.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(T)));
  if (!in) throw std::runtime_error("npy: " + path.string() + " is shorter than its header says");
  return values;
}

}  // namespace npy
