// Whole files in and out. Writing is atomic and durable: after a crash, a full disk or kill -9 a reader finds either
// the old file or the new one, complete. POSIX calls, because the standard library has no way to reach the disk.
#pragma once
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
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

#include "../core/error.hpp"

namespace vitrail {

namespace detail {

// Why a system call failed and what to do: "No space left on device; free some space or choose another folder".
inline std::string reason_and_remedy(int code) {
  const std::string reason = std::strerror(code);
  switch (code) {
    case ENOSPC:
    case EDQUOT: return reason + "; free some space or choose another folder";
    case EFBIG: return reason + "; raise the file size limit (ulimit -f) or choose another file system";
    case EACCES:
    case EPERM:
    case EROFS: return reason + "; check the permissions or choose another folder";
    case ENOENT:
    case ENOTDIR: return reason + "; check the path, and create the folder first";
    case EMFILE:
    case ENFILE: return reason + "; close other files or raise the limit (ulimit -n)";
    default: return reason;
  }
}

[[noreturn]] inline void fail_file(const char* verb, const std::filesystem::path& path, int code) {
  throw FileError(std::string("cannot ") + verb + " " + path.string() + ": " + reason_and_remedy(code));
}

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
inline std::vector<std::byte> read_file(const std::filesystem::path& path) {
  const detail::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0) detail::fail_file("read", path, errno);
  if (S_ISDIR(info.st_mode)) throw FileError("cannot read " + path.string() + ": it is a folder, expected a file");
  // One byte more than the size, so that the end is seen without growing; a pipe has no size and grows in steps.
  std::vector<std::byte> bytes(static_cast<std::size_t>(info.st_size) + 1);
  for (std::size_t filled = 0;;) {
    const ssize_t got = ::read(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) detail::fail_file("read", path, errno);
    filled += static_cast<std::size_t>(got);
    if (got == 0) return bytes.resize(filled), bytes;
    if (filled == bytes.size()) bytes.resize(2 * filled + 65536);
  }
}

// The same as text.
inline std::string read_text(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// A file that is being written, and takes its name only when it is complete. See write_atomically.
class FileDraft {
 public:
  // Opens a draft beside `path` (a link is followed: the file behind it is what gets replaced).
  explicit FileDraft(const std::filesystem::path& path) : path_(path), file_(-1) {
    std::error_code ignored;
    if (std::filesystem::is_symlink(path, ignored)) path_ = std::filesystem::weakly_canonical(path, ignored);
    if (path_.empty()) path_ = path;
    const std::filesystem::file_status old = std::filesystem::status(path_, ignored);
    if (std::filesystem::exists(old) && !std::filesystem::is_regular_file(old))
      throw FileError("cannot write " + path.string() + ": it is a folder or a device, expected the name of a file");
    if (std::filesystem::exists(old) && ::access(path_.c_str(), W_OK) != 0) detail::fail_file("write", path, errno);
    draft_ = path_;
    draft_ += ".part";
    open_alone();
    struct stat info {};
    if (::stat(path_.c_str(), &info) == 0) (void)!::fchmod(file_.get(), info.st_mode & 07777);  // keep the old mode
  }
  FileDraft(const FileDraft&) = delete;
  FileDraft& operator=(const FileDraft&) = delete;
  ~FileDraft() {
    if (file_) ::unlink(draft_.c_str());  // not committed: an exception is on its way
  }

  // Appends. Throws FileError (full disk …).
  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t put = ::write(file_.get(), bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) detail::fail_file("write", path_, errno);
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

  // The draft becomes the file: data to the disk first, then the name, then the folder that holds the name.
  void commit() {
    if (::fsync(file_.get()) != 0) detail::fail_file("write", path_, errno);
    if (::rename(draft_.c_str(), path_.c_str()) != 0) detail::fail_file("write", path_, errno);
    if (file_.close() != 0) detail::fail_file("write", path_, errno);
    const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
    const detail::Descriptor entry(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (entry) (void)::fsync(entry.get());  // some file systems cannot sync a folder; the rename is atomic all the same
  }

 private:
  // The draft's name is fixed, so that what a killed process left is overwritten and never piles up. A lock makes a
  // second writer wait; by then the first has renamed the file we opened, so look whether the name is still ours.
  void open_alone() {
    while (true) {
      file_ = detail::Descriptor(::open(draft_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
      if (!file_) detail::fail_file("write", path_, errno);
      while (::flock(file_.get(), LOCK_EX) != 0 && errno == EINTR) continue;  // file systems without locks: go on
      struct stat opened {}, named {};
      if (::fstat(file_.get(), &opened) == 0 && ::stat(draft_.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
          opened.st_dev == named.st_dev)
        break;
    }
    if (::ftruncate(file_.get(), 0) != 0) detail::fail_file("write", path_, errno);
  }

  std::filesystem::path path_, draft_;
  detail::Descriptor file_;
};

// Writes a file in one go, through a draft beside it. Throws FileError with the path, the reason and the remedy; what
// stood at `path` before is then untouched, and the draft is gone. Two writers of one path take turns.
inline void write_atomically(const std::filesystem::path& path, const std::function<void(FileDraft&)>& fill) {
  FileDraft draft(path);
  fill(draft);
  draft.commit();
}
inline void write_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  write_atomically(path, [&](FileDraft& draft) { draft.write(bytes); });
}
inline void write_atomically(const std::filesystem::path& path, std::string_view text) {
  write_atomically(path, [&](FileDraft& draft) { draft.write(text); });
}

}  // namespace vitrail
