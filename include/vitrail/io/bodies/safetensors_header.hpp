// The JSON header of a safetensors file, read event by event: no tree is built, nothing recurses, and whatever the
// format does not know is refused where it stands. (nlohmann's tree would keep the last of two equal keys.)
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "../../core/error.hpp"

namespace vitrail::detail {

[[noreturn]] inline void refuse_checkpoint(const std::string& file, const std::string& what) {
  throw FileError("checkpoint: " + file + ": " + what);
}

// A foreign name for a message: in back-quotes, short, without control characters.
inline std::string short_name(std::string_view name) {
  std::string text = "`";
  for (const char c : name.substr(0, 80)) text += static_cast<unsigned char>(c) < 32 ? '?' : c;
  return text + (name.size() > 80 ? "…`" : "`");
}

struct HeaderEntry {
  std::string name, dtype{};
  std::vector<std::int64_t> shape{};
  std::vector<std::uint64_t> offsets{};  // begin and end within the data, as claimed
  bool has_shape = false, has_offsets = false;
};

// The events that nlohmann's parser reports, in the shape that a safetensors header has:
// {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …, "__metadata__": {"key": "text", …}}
class HeaderReader {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  explicit HeaderReader(std::string file) : file_(std::move(file)) {}

  std::vector<HeaderEntry> entries;
  std::unordered_map<std::string, std::size_t> index;  // by name
  std::map<std::string, std::string> metadata;

  bool start_object(std::size_t) {
    if (at_ == Place::start) return at_ = Place::names, true;
    if (at_ == Place::after_name) return at_ = Place::keys, true;
    if (at_ == Place::after_metadata) return at_ = Place::metadata, true;
    unexpected("an object");
  }
  bool end_object() {
    if (at_ == Place::keys) {
      const HeaderEntry& entry = entries.back();
      if (entry.dtype.empty() || !entry.has_shape || !entry.has_offsets)
        refuse(short_name(entry.name) + " lacks dtype, shape or data_offsets");
      if (entry.offsets.size() != 2) refuse("data_offsets of " + short_name(entry.name) + " should be two numbers");
    }
    at_ = at_ == Place::names ? Place::done : Place::names;
    return true;
  }
  bool start_array(std::size_t) {
    if (at_ == Place::after_shape) return at_ = Place::shape, true;
    if (at_ == Place::after_offsets) return at_ = Place::offsets, true;
    unexpected("a list");
  }
  bool end_array() { return at_ = Place::keys, true; }

  bool key(string_t& name) {
    if (at_ == Place::names) return start_name(name);
    if (at_ == Place::metadata) {
      if (!metadata.emplace(name, "").second) refuse("the metadata key " + short_name(name) + " occurs twice");
      metadata_key_ = name;
      return true;
    }
    HeaderEntry& entry = entries.back();
    if (name == "dtype" && entry.dtype.empty()) return at_ = Place::after_dtype, true;
    if (name == "shape" && !std::exchange(entry.has_shape, true)) return at_ = Place::after_shape, true;
    if (name == "data_offsets" && !std::exchange(entry.has_offsets, true)) return at_ = Place::after_offsets, true;
    refuse(short_name(entry.name) + " has " + short_name(name) + " twice, or it is no key of the format");
  }

  bool string(string_t& text) {
    if (at_ == Place::metadata) return metadata[metadata_key_] = text, true;
    if (at_ != Place::after_dtype || text.empty()) unexpected("text");
    entries.back().dtype = text;
    return at_ = Place::keys, true;
  }
  bool number_unsigned(number_unsigned_t value) {
    if (at_ == Place::shape && entries.back().shape.size() < most_axes && value <= std::uint64_t{INT64_MAX})
      return entries.back().shape.push_back(static_cast<std::int64_t>(value)), true;
    if (at_ == Place::offsets && entries.back().offsets.size() < 2)
      return entries.back().offsets.push_back(value), true;
    unexpected("the number " + std::to_string(value));
  }
  bool number_integer(number_integer_t value) { unexpected("the number " + std::to_string(value)); }
  bool number_float(number_float_t, const string_t&) { unexpected("a number that is no integer of 64 bits"); }
  bool null() { unexpected("null"); }
  bool boolean(bool) { unexpected("true or false"); }
  bool binary(binary_t&) { unexpected("binary data"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
    refuse("the header is not JSON (byte " + std::to_string(position) + " of it); is this a safetensors file?");
  }

 private:
  enum class Place {
    start, names, after_name, keys, after_dtype, after_shape, shape, after_offsets, offsets, after_metadata,
    metadata, done
  };
  static constexpr std::size_t most_axes = 64;

  bool start_name(const std::string& name) {
    if (name == "__metadata__") {
      if (std::exchange(has_metadata_, true)) refuse("__metadata__ occurs twice");
      return at_ = Place::after_metadata, true;
    }
    if (!index.emplace(name, entries.size()).second) refuse("the tensor " + short_name(name) + " occurs twice");
    entries.push_back(HeaderEntry{name});
    return at_ = Place::after_name, true;
  }
  [[noreturn]] void refuse(const std::string& what) const { refuse_checkpoint(file_, what); }
  [[noreturn]] void unexpected(const std::string& found) const {
    const std::string where = at_ == Place::start || at_ == Place::done ? "the header"
                              : at_ == Place::after_metadata || at_ == Place::metadata ? "__metadata__"
                              : entries.empty() ? "the header" : "the tensor " + short_name(entries.back().name);
    refuse(where + " has " + found + " where the format has none");
  }

  std::string file_, metadata_key_;
  Place at_ = Place::start;
  bool has_metadata_ = false;
};

}  // namespace vitrail::detail
