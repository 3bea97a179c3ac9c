// Whole files in and out: reading refuses what is not a file, writing leaves the old file or the new one, never half.
#pragma once
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
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

// Writes `bytes` beside `path` and then renames. Throws FileError; what stood at `path` before is then untouched.
inline void write_bytes(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) {
  std::filesystem::path draft = path;
  draft += ".part";
  const auto give_up = [&](const std::string& why) {
    std::error_code ignored;
    std::filesystem::remove(draft, ignored);
    throw FileError("cannot write " + path.string() + ": " + why);
  };
  std::FILE* file = std::fopen(draft.string().c_str(), "wb");
  if (file == nullptr) throw FileError("cannot write " + path.string() + ": " + detail::system_reason());
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size() && std::fflush(file) == 0;
  const std::string why = detail::system_reason();
  const bool closed = std::fclose(file) == 0;
  if (!written) give_up(why);
  if (!closed) give_up(detail::system_reason());
  std::error_code error;
  std::filesystem::rename(draft, path, error);
  if (error) give_up(error.message());
}

}  // namespace vitrail
