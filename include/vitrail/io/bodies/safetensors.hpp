// Bodies of safetensors.hpp.
#pragma once
#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "../safetensors.hpp"
#include "safetensors_header.hpp"

namespace vitrail {

[[noreturn]] VITRAIL_FUNCTION void SafetensorsFile::refuse(const std::string& what) const { detail::refuse_checkpoint(name_, what); }

VITRAIL_FUNCTION SafetensorsFile::SafetensorsFile(std::vector<std::byte> bytes, std::string name)
    : bytes_(std::move(bytes)), name_(std::move(name)) {
  const std::size_t header = header_length();
  const char* text = reinterpret_cast<const char*>(bytes_.data()) + 8;
  detail::HeaderReader reader(name_);
  nlohmann::json::sax_parse(text, text + header, &reader);
  metadata_ = std::move(reader.metadata);
  index_ = std::move(reader.index);
  check_order(reader.entries, bytes_.size() - 8 - header);
  for (detail::HeaderEntry& entry : reader.entries) adopt(entry, bytes_.data() + 8 + header);
}

VITRAIL_FUNCTION std::size_t SafetensorsFile::header_length() const {
  constexpr std::uint64_t longest = 100'000'000;  // the reference implementation's limit
  std::uint64_t length = 0;
  if (bytes_.size() < 8) refuse("it has " + std::to_string(bytes_.size()) + " bytes, too few for a safetensors file");
  std::memcpy(&length, bytes_.data(), 8);
  if (length > longest || length > bytes_.size() - 8)
    refuse("the header claims " + std::to_string(length) + " bytes, the file has " + std::to_string(bytes_.size()) +
           "; it is truncated or no safetensors file");
  if (length == 0 || bytes_[8] != std::byte{'{'})
    refuse("the header does not begin with '{'; is this a safetensors file?");
  return static_cast<std::size_t>(length);
}

VITRAIL_FUNCTION void SafetensorsFile::check_order(const std::vector<detail::HeaderEntry>& entries, std::size_t size) const {
  std::vector<const detail::HeaderEntry*> sorted;
  for (const detail::HeaderEntry& entry : entries) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->offsets < b->offsets; });
  std::uint64_t end = 0;
  for (const detail::HeaderEntry* entry : sorted) {
    const std::uint64_t from = entry->offsets[0], to = entry->offsets[1];
    const std::string range =
        detail::short_name(entry->name) + " lies at " + std::to_string(from) + " to " + std::to_string(to);
    if (to < from) refuse(range + ", which runs backwards");
    if (to > size) refuse(range + ", the data has " + std::to_string(size) + " bytes; the file is truncated");
    if (from != end) refuse(range + (from < end ? ", which overlaps" : ", which leaves a hole after") +
                            " the tensor before it, expected " + std::to_string(end));
    end = to;
  }
  if (end != size)
    refuse("the tensors cover " + std::to_string(end) + " of " + std::to_string(size) + " bytes of data");
}

VITRAIL_FUNCTION void SafetensorsFile::adopt(detail::HeaderEntry& entry, const std::byte* data) {
  const std::size_t each = detail::dtype_bytes(entry.dtype);
  if (each == 0) refuse(detail::short_name(entry.name) + " has the unknown dtype " + detail::short_name(entry.dtype));
  const std::optional<std::size_t> wanted = detail::byte_count(entry.shape, each);
  if (!wanted) refuse("the shape of " + detail::short_name(entry.name) + " overflows");
  const std::uint64_t found = entry.offsets[1] - entry.offsets[0];
  if (*wanted != found)
    refuse(detail::short_name(entry.name) + " needs " + std::to_string(*wanted) +
           " bytes by its shape and dtype, it has " + std::to_string(found));
  entries_.push_back({std::move(entry.name), std::move(entry.dtype), std::move(entry.shape), data + entry.offsets[0],
                      static_cast<std::size_t>(found)});
}

namespace detail {

// A JSON string. Throws FileError for what is not UTF-8, which no reader would accept.
inline std::string json_text(const std::string& text, const std::string& file) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    refuse_checkpoint(file, "the name or metadata " + short_name(text) + " is not UTF-8; rename it");
  }
}

inline std::string safetensors_header(std::span<const TensorEntry> entries,
                                      const std::map<std::string, std::string>& metadata, const std::string& file) {
  std::string header = "{", comma;
  std::unordered_map<std::string_view, bool> seen;
  for (const auto& [key, value] : metadata)
    header += (key == metadata.begin()->first ? "\"__metadata__\":{" : ",") + json_text(key, file) + ":" +
              json_text(value, file);
  if (!metadata.empty()) header += "}", comma = ",";
  std::size_t offset = 0;
  for (const TensorEntry& entry : entries) {
    const std::string name = short_name(entry.name);
    if (entry.name == "__metadata__" || !seen.emplace(entry.name, true).second)
      refuse_checkpoint(file, "the tensor name " + name + " is taken; each needs its own");
    const std::size_t each = dtype_bytes(entry.dtype);
    if (each == 0) refuse_checkpoint(file, name + " has the unknown dtype " + short_name(entry.dtype));
    if (byte_count(entry.shape, each) != entry.bytes)
      refuse_checkpoint(file, name + " brings " + std::to_string(entry.bytes) +
                              " bytes, its shape wants another number");
    header += comma + json_text(entry.name, file) + ":{\"dtype\":\"" + entry.dtype + "\",\"shape\":[";
    for (std::size_t i = 0; i < entry.shape.size(); ++i) header += (i > 0 ? "," : "") + std::to_string(entry.shape[i]);
    header += "],\"data_offsets\":[" + std::to_string(offset) + "," + std::to_string(offset + entry.bytes) + "]}";
    comma = ",", offset += entry.bytes;
  }
  header += "}";
  return header.append((8 - header.size() % 8) % 8, ' ');  // the data begin at a multiple of 8
}

}  // namespace detail

VITRAIL_FUNCTION void write_safetensors(const std::filesystem::path& path, std::span<const TensorEntry> entries,
                              const std::map<std::string, std::string>& metadata) {
  const std::string header = detail::safetensors_header(entries, metadata, path.string());
  const std::uint64_t length = header.size();
  write_atomically(path, [&](FileDraft& draft) {
    draft.write(std::as_bytes(std::span(&length, 1)));
    draft.write(header);
    for (const TensorEntry& entry : entries) draft.write(std::span(entry.data, entry.bytes));
  });
}

}  // namespace vitrail
