// Bodies of file.hpp.
#pragma once
#include <sys/file.h>
#include <sys/stat.h>

#include "../file.hpp"

namespace vitrail {

namespace detail {
[[noreturn]] VITRAIL_FUNCTION void fail_file(const char* verb, const std::filesystem::path& path, int code) {
  throw FileError(std::string("cannot ") + verb + " " + path.string() + ": " + reason_and_remedy(code, std::string_view(verb) == "read"));
}
}  // namespace detail

VITRAIL_FUNCTION std::vector<std::byte> read_file(const std::filesystem::path& path) {
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

VITRAIL_FUNCTION std::string read_text(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

VITRAIL_FUNCTION FileDraft::FileDraft(const std::filesystem::path& path) : path_(path), file_(-1) {
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

VITRAIL_FUNCTION void FileDraft::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(file_.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) detail::fail_file("write", path_, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
}

VITRAIL_FUNCTION void FileDraft::commit() {
  if (::fsync(file_.get()) != 0) detail::fail_file("write", path_, errno);
  if (::rename(draft_.c_str(), path_.c_str()) != 0) detail::fail_file("write", path_, errno);
  if (file_.close() != 0) detail::fail_file("write", path_, errno);
  const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
  const detail::Descriptor entry(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (entry) (void)::fsync(entry.get());  // some file systems cannot sync a folder; the rename is atomic all the same
}

VITRAIL_FUNCTION void FileDraft::open_alone() {
  while (true) {
    file_ = detail::Descriptor(::open(draft_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
    if (!file_) detail::fail_file("write", path_, errno);
    while (::flock(file_.get(), LOCK_EX) != 0 && errno == EINTR) continue;  // file systems without locks: go on
    struct stat opened {
    }, named{};
    if (::fstat(file_.get(), &opened) == 0 && ::stat(draft_.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
        opened.st_dev == named.st_dev)
      break;
  }
  if (::ftruncate(file_.get(), 0) != 0) detail::fail_file("write", path_, errno);
}

VITRAIL_FUNCTION void write_atomically(const std::filesystem::path& path, const std::function<void(FileDraft&)>& fill) {
  FileDraft draft(path);
  fill(draft);
  draft.commit();
}

VITRAIL_FUNCTION void write_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  write_atomically(path, [&](FileDraft& draft) { draft.write(bytes); });
}

VITRAIL_FUNCTION void write_atomically(const std::filesystem::path& path, std::string_view text) {
  write_atomically(path, [&](FileDraft& draft) { draft.write(text); });
}

}  // namespace vitrail
