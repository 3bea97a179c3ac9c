// Reference tensors by name: `Fixture{"splitmask"}.load("grad.encoder.norm.weight")`. See tests/fixtures/README.md.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "npy.hpp"

// Row-major; a scalar has an empty shape and one value.
template <class T>
struct FixtureTensor {
  std::vector<std::int64_t> shape;
  std::vector<T> values;
};

class Fixture {
 public:
  // Reads tests/fixtures/<name>; the build defines VITRAIL_FIXTURES as the path of tests/fixtures.
  explicit Fixture(const std::string& name, const std::filesystem::path& root = VITRAIL_FIXTURES)
      : folder_(root / name) {
    std::ifstream index(folder_ / "tensors.txt");
    if (!index) throw std::runtime_error("fixture: cannot open " + (folder_ / "tensors.txt").string());
    for (std::string line; std::getline(index, line);) entries_.push_back(parse(line));
    if (std::filesystem::exists(folder_ / "float64.npy")) reals_ = npy::read<double>(folder_ / "float64.npy");
    if (std::filesystem::exists(folder_ / "int64.npy")) ints_ = npy::read<std::int64_t>(folder_ / "int64.npy");
  }

  // T real: a float64 tensor, converted. T integer: an int64 tensor, converted. The other kind is refused.
  template <class T = double>
  FixtureTensor<T> load(const std::string& name) const {
    const Entry& entry = find(name);
    if (entry.is_int != std::is_integral_v<T>)
      throw std::runtime_error("fixture: " + name + " holds " + (entry.is_int ? "integers" : "real numbers"));
    if constexpr (std::is_integral_v<T>) return cut<T>(ints_, entry);
    else return cut<T>(reals_, entry);
  }

  double scalar(const std::string& name) const {
    const FixtureTensor<double> tensor = load(name);
    if (tensor.values.size() != 1) throw std::runtime_error("fixture: " + name + " is not a scalar");
    return tensor.values[0];
  }

  // The names that begin with `prefix`, without it, in the order of the reference model.
  std::vector<std::string> names(const std::string& prefix = "") const {
    std::vector<std::string> found;
    for (const Entry& entry : entries_)
      if (entry.name.compare(0, prefix.size(), prefix) == 0) found.push_back(entry.name.substr(prefix.size()));
    return found;
  }

 private:
  struct Entry {
    std::string name;
    bool is_int = false;
    std::size_t begin = 0, size = 1;
    std::vector<std::int64_t> shape{};
  };

  // "grad.x float64 120 2 3 4": name, type, index of the first element, extents.
  static Entry parse(const std::string& line) {
    std::istringstream words(line);
    std::string type;
    Entry entry;
    words >> entry.name >> type >> entry.begin;
    if (!words) throw std::runtime_error("fixture: cannot read the index line '" + line + "'");
    entry.is_int = type == "int64";
    for (std::int64_t extent = 0; words >> extent;) {
      entry.shape.push_back(extent);
      entry.size *= static_cast<std::size_t>(extent);
    }
    return entry;
  }

  const Entry& find(const std::string& name) const {
    for (const Entry& entry : entries_)
      if (entry.name == name) return entry;
    throw std::runtime_error("fixture: " + folder_.string() + " has no tensor named " + name);
  }

  template <class T, class Source>
  static FixtureTensor<T> cut(const std::vector<Source>& pack, const Entry& entry) {
    if (entry.begin + entry.size > pack.size()) throw std::runtime_error("fixture: no data behind " + entry.name);
    FixtureTensor<T> tensor{entry.shape, std::vector<T>(entry.size)};
    for (std::size_t i = 0; i < entry.size; ++i) tensor.values[i] = static_cast<T>(pack[entry.begin + i]);
    return tensor;
  }

  std::filesystem::path folder_;
  std::vector<Entry> entries_;
  std::vector<double> reals_;
  std::vector<std::int64_t> ints_;
};
