// Whole files in and out. Writing is atomic and durable: after a crash, a full disk or kill -9 a reader finds either
// the old file or the new one, complete. POSIX calls, because the standard library has no way to reach the disk.
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../core/config.hpp"
#include "../core/error.hpp"

namespace vitrail {

namespace detail {

// Why a system call failed and what to do: "No space left on device; free some space or choose another folder".
inline std::string reason_and_remedy(int code, bool reading) {
  const std::string reason = std::strerror(code);
  switch (code) {
    case ENOSPC:
    case EDQUOT: return reason + "; free some space or choose another folder";
    case EFBIG: return reason + "; raise the file size limit (ulimit -f) or choose another file system";
    case EACCES:
    case EPERM:
    case EROFS: return reason + "; check the permissions or choose another " + (reading ? "file" : "folder");
    case ENOENT:
    case ENOTDIR: return reason + "; check the path" + (reading ? "" : ", and create the folder first");
    case EMFILE:
    case ENFILE: return reason + "; close other files or raise the limit (ulimit -n)";
    default: return reason;
  }
}

[[noreturn]] VITRAIL_FUNCTION void fail_file(const char* verb, const std::filesystem::path& path, int code);

// An open file that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  explicit operator bool() const { return number_ >= 0; }
  int get() const { return number_; }
  // The result of close(), which on some file systems is where a full disk shows.
  int close() { return ::close(std::exchange(number_, -1)); }

 private:
  int number_;
};

}  // namespace detail

// The bytes of the file at `path`. Throws FileError if it is missing, a folder, or unreadable.
VITRAIL_FUNCTION std::vector<std::byte> read_file(const std::filesystem::path& path);

// The same as text.
VITRAIL_FUNCTION std::string read_text(const std::filesystem::path& path);

// A file that is being written, and takes its name only when it is complete. See write_atomically.
class FileDraft {
 public:
  // Opens a draft beside `path` (a link is followed: the file behind it is what gets replaced).
  explicit FileDraft(const std::filesystem::path& path);
  FileDraft(const FileDraft&) = delete;
  FileDraft& operator=(const FileDraft&) = delete;
  ~FileDraft() {
    if (file_) ::unlink(draft_.c_str());  // not committed: an exception is on its way
  }

  // Appends. Throws FileError (full disk …).
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

  // The draft becomes the file: data to the disk first, then the name, then the folder that holds the name.
  void commit();

 private:
  // The draft's name is fixed, so that what a killed process left is overwritten and never piles up. A lock makes a
  // second writer wait; by then the first has renamed the file we opened, so look whether the name is still ours.
  void open_alone();

  std::filesystem::path path_, draft_;
  detail::Descriptor file_;
};

// Writes a file in one go, through a draft beside it. Throws FileError with the path, the reason and the remedy; what
// stood at `path` before is then untouched, and the draft is gone. Two writers of one path take turns.
VITRAIL_FUNCTION void write_atomically(const std::filesystem::path& path, const std::function<void(FileDraft&)>& fill);
VITRAIL_FUNCTION void write_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);
VITRAIL_FUNCTION void write_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace vitrail

#if VITRAIL_IO_BODIES
#include "bodies/file.hpp"
#endif
