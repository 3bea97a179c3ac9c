// Whole image files as bytes: refuses what is not a file, or too long to be one image. (file.hpp writes, and reads the rest.)
#pragma once
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "../core/error.hpp"

namespace vitrail {

namespace detail {
struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using OpenFile = std::unique_ptr<std::FILE, CloseFile>;

// False also where the file system gives no answer: reading then says why.
inline bool is_file(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

inline std::string system_reason() { return std::string(std::strerror(errno)); }
}  // namespace detail

// The bytes of `path`. Throws FileError if it is missing, a folder, unreadable, or longer than `limit` bytes.
inline std::vector<std::uint8_t> read_bytes(const std::filesystem::path& path,
                                            std::size_t limit = std::size_t{1} << 30) {
  const std::string name = path.string();
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) throw FileError(name + " is a folder, a file was expected");
  const detail::OpenFile file(std::fopen(name.c_str(), "rb"));
  if (file == nullptr) throw FileError("cannot open " + name + ": " + detail::system_reason());
  std::vector<std::uint8_t> bytes;
  const std::uintmax_t expected = std::filesystem::file_size(path, ignored);  // a hint: it fails for a pipe
  std::size_t room = !ignored && expected < limit ? static_cast<std::size_t>(expected) + 1 : 65536;
  while (true) {  // one byte more than expected, so that the end is seen without growing
    const std::size_t filled = bytes.size();
    bytes.resize(filled + room);
    const std::size_t got = std::fread(bytes.data() + filled, 1, room, file.get());
    bytes.resize(filled + got);
    if (std::ferror(file.get()) != 0) throw FileError("cannot read " + name + ": " + detail::system_reason());
    if (bytes.size() > limit)
      throw FileError(name + " is longer than " + std::to_string(limit) + " bytes, the most that is read as one file");
    if (got < room) return bytes;
    room = 65536;
  }
}

}  // namespace vitrail
