// Checkpoints as safetensors files, both ways. Format: https://github.com/huggingface/safetensors (u64 header length,
// JSON header, raw little-endian data without gaps). Nothing in a file is believed before it is checked.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "../core/config.hpp"
#include "file.hpp"
#include "tensor_entry.hpp"

namespace vitrail {

namespace detail {
struct HeaderEntry;
}

class SafetensorsFile {
 public:
  // Reads and checks a whole file. Throws FileError, "checkpoint: <path>: …", for anything that is not a valid file.
  static SafetensorsFile read(const std::filesystem::path& path) { return parse(read_file(path), path.string()); }
  // The same from memory; `name` stands for the file in messages.
  static SafetensorsFile parse(std::vector<std::byte> bytes, std::string name = "(memory)") {
    return SafetensorsFile(std::move(bytes), std::move(name));
  }
  SafetensorsFile(SafetensorsFile&&) = default;  // entries point into the bytes, which a move leaves in place
  SafetensorsFile& operator=(SafetensorsFile&&) = default;

  // In the order of the header. The entries' data belong to this object.
  const std::vector<TensorEntry>& entries() const { return entries_; }
  // The entry of that name, or nullptr.
  const TensorEntry* find(const std::string& name) const {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &entries_[found->second];
  }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::string& name() const { return name_; }  // for messages

 private:
  SafetensorsFile(std::vector<std::byte> bytes, std::string name);

  std::size_t header_length() const;

  // The data must be covered exactly once: offsets, sorted, follow each other from 0 to the end of the file.
  void check_order(const std::vector<detail::HeaderEntry>& entries, std::size_t size) const;

  void adopt(detail::HeaderEntry& entry, const std::byte* data);

  [[noreturn]] void refuse(const std::string& what) const;

  std::vector<std::byte> bytes_;
  std::string name_;
  std::vector<TensorEntry> entries_;
  std::unordered_map<std::string, std::size_t> index_;
  std::map<std::string, std::string> metadata_;
};

// Writes entries in the given order, atomically (see write_atomically). Throws FileError; an old file then survives.
VITRAIL_FUNCTION void write_safetensors(const std::filesystem::path& path, std::span<const TensorEntry> entries,
                              const std::map<std::string, std::string>& metadata = {});

}  // namespace vitrail

#if VITRAIL_IO_BODIES
#include "bodies/safetensors.hpp"
#endif
