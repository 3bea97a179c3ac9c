// Bodies of idx.hpp: what knows zlib.
#pragma once
#include <algorithm>
#include <memory>
#include <zlib.h>

#include "../idx.hpp"

namespace vitrail {

namespace detail {

// A plain or gzipped file, read from the front. Every error names the file.
class GzipFile {
 public:
  explicit GzipFile(const std::filesystem::path& path) : name_(path.string()) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) throw FileError("idx: " + name_ + " is a folder");
    file_.reset(gzopen(name_.c_str(), "rb"));
    if (file_ == nullptr) throw FileError("idx: cannot open " + name_);
  }

  // Up to `count` bytes appended to `bytes`; returns how many there were. Memory grows with what is found, not with
  // what a header claims.
  std::size_t read(std::size_t count, std::vector<std::uint8_t>& bytes) {
    constexpr std::size_t chunk = std::size_t{1} << 20;
    std::size_t total = 0;
    while (total < count) {
      const std::size_t filled = bytes.size(), wanted = std::min(chunk, count - total);
      bytes.resize(filled + wanted);
      const int got = gzread(file_.get(), bytes.data() + filled, static_cast<unsigned>(wanted));
      int status = Z_OK;
      const char* said = gzerror(file_.get(), &status);
      if (got < 0 || status != Z_OK)  // a file cut short gives its last bytes and Z_BUF_ERROR
        fail(std::string("is damaged or incomplete (") + said + "): replace it");
      bytes.resize(filled + static_cast<std::size_t>(got));
      total += static_cast<std::size_t>(got);
      if (static_cast<std::size_t>(got) < wanted) break;
    }
    return total;
  }
  [[noreturn]] void fail(const std::string& what) const { throw FileError("idx: " + name_ + " " + what); }

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };
  std::string name_;
  std::unique_ptr<gzFile_s, Close> file_;
};

inline std::size_t idx_number(const std::vector<std::uint8_t>& bytes, std::size_t at) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | bytes[at + i];
  return value;
}

inline const char* idx_type_name(std::uint8_t code) {
  switch (code) {
    case 0x09:
      return "signed bytes";
    case 0x0B:
      return "16-bit integers";
    case 0x0C:
      return "32-bit integers";
    case 0x0D:
      return "32-bit floats";
    case 0x0E:
      return "64-bit floats";
    default:
      return "an unknown type";
  }
}

// The extents in the header; their product is at most `limit`.
inline std::vector<int> idx_extents(GzipFile& file, std::size_t limit) {
  std::vector<std::uint8_t> head;
  if (file.read(4, head) < 4) file.fail("is shorter than an IDX header: replace it");
  if (head[0] != 0 || head[1] != 0 || head[3] < 1 || head[3] > 4)
    file.fail("does not begin like an IDX file of 1 to 4 axes: is it another kind of file?");
  if (head[2] != 0x08) file.fail(std::string("holds ") + idx_type_name(head[2]) + ", expected unsigned bytes");
  const std::size_t axes = head[3];
  head.clear();
  if (file.read(4 * axes, head) < 4 * axes) file.fail("ends within its header: replace it");
  std::vector<int> extents;
  std::size_t product = 1;
  for (std::size_t axis = 0; axis < axes; ++axis) {
    const std::size_t extent = idx_number(head, 4 * axis);
    if (extent == 0) file.fail("says that it is empty: replace it");
    if (extent > limit / product)
      file.fail("says that it holds more than " + std::to_string(limit) + " bytes, the most that is read");
    product *= extent;
    extents.push_back(static_cast<int>(extent));
  }
  return extents;
}

}  // namespace detail

VITRAIL_FUNCTION IdxArray read_idx(const std::filesystem::path& path) {
  detail::GzipFile file(path);
  IdxArray array;
  array.extents = detail::idx_extents(file, std::size_t{1} << 30);
  std::size_t wanted = 1;
  for (const int extent : array.extents) wanted *= static_cast<std::size_t>(extent);
  const std::size_t found = file.read(wanted + 1, array.values);  // one more, to see the end
  if (found != wanted)
    file.fail("should hold " + std::to_string(wanted) + " values by its header, found " +
              (found < wanted ? std::to_string(found) : std::string("more")) + ": replace it");
  return array;
}

}  // namespace vitrail
