// Bodies of npz.hpp.
#pragma once
#include <algorithm>
#include <limits>
#include <zlib.h>

#include "../npz.hpp"

namespace vitrail {

namespace detail {

inline constexpr std::uint32_t zip_local = 0x04034b50, zip_central = 0x02014b50, zip_end = 0x06054b50;
inline constexpr std::size_t zip_end_bytes = 22, zip_central_bytes = 46, zip_local_bytes = 30;

// One member as the central directory describes it.
struct ZipMember {
  std::string name;
  std::uint32_t method = 0, crc = 0;
  std::size_t packed = 0, size = 0, local = 0;  // bytes in the file, bytes unpacked, where its local header is
};

// zlib reads there only, but says so only to who defines ZLIB_CONST before its header.
inline Bytef* zip_input(const std::byte* at) { return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(at)); }

inline std::uint32_t zip_checksum(const std::vector<std::byte>& bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

class ZipReader {
 public:
  ZipReader(std::vector<std::byte> bytes, std::string file) : bytes_(std::move(bytes)), file_(std::move(file)) { read_directory(); }
  const std::vector<ZipMember>& members() const { return members_; }

  std::vector<std::byte> unpack(const ZipMember& m) const {
    const std::byte* packed = bytes_.data() + begin_of(m);
    std::vector<std::byte> out(m.size);
    if (m.method == 0) std::copy_n(packed, m.size, out.begin());
    else inflate_raw(packed, m, out);
    if (zip_checksum(out) != m.crc) refuse("`" + m.name + "` does not match its checksum");
    return out;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw FileError("npz: " + file_ + ": " + what + "; it is damaged or no .npz file");
  }
  std::size_t number(std::size_t at, std::size_t bytes) const {
    std::size_t out = 0;
    for (std::size_t i = 0; i < bytes; ++i) out |= std::to_integer<std::size_t>(bytes_[at + i]) << 8 * i;
    return out;
  }
  // The record that ends the file: the last place where one fits exactly.
  std::size_t find_end() const {
    if (bytes_.size() >= zip_end_bytes)
      for (std::size_t at = bytes_.size() - zip_end_bytes, tries = 0; tries <= 65535; --at, ++tries) {
        if (number(at, 4) == zip_end && at + zip_end_bytes + number(at + 20, 2) == bytes_.size()) return at;
        if (at == 0) break;
      }
    refuse("no zip directory at its end");
  }
  void read_directory() {
    const std::size_t end = find_end(), count = number(end + 10, 2), bytes = number(end + 12, 4), first = number(end + 16, 4);
    if (number(end + 4, 2) != 0 || number(end + 6, 2) != 0 || number(end + 8, 2) != count) refuse("it is a part of several");
    if (count == 0xFFFF || first == 0xFFFFFFFF)
      throw FileError("npz: " + file_ + ": it is a zip of more than 4 GiB, expected less; save several files");
    if (first > end || bytes > end - first) refuse("its directory lies outside of it");
    directory_ = first;
    for (std::size_t at = first; members_.size() < count;) at = read_member(at, first + bytes);
    check_overlaps();
  }
  std::size_t read_member(std::size_t at, std::size_t end) {
    if (end - at < zip_central_bytes || number(at, 4) != zip_central) refuse("its directory breaks off");
    const std::size_t name = number(at + 28, 2), next = at + zip_central_bytes + name + number(at + 30, 2) + number(at + 32, 2);
    if (next > end) refuse("its directory breaks off");
    ZipMember m{.name = text(at + zip_central_bytes, name),
                .method = static_cast<std::uint32_t>(number(at + 10, 2)),
                .crc = static_cast<std::uint32_t>(number(at + 16, 4)),
                .packed = number(at + 20, 4),
                .size = number(at + 24, 4),
                .local = number(at + 42, 4)};
    if ((number(at + 8, 2) & 1) != 0) refuse("`" + m.name + "` is encrypted");
    if (m.method != 0 && m.method != 8)
      refuse("`" + m.name + "` is packed by method " + std::to_string(m.method) + ", expected 0 (stored) or 8 (deflated)");
    if (m.method == 0 && m.packed != m.size) refuse("`" + m.name + "` has two sizes");
    if (m.size / 1032 > m.packed) refuse("`" + m.name + "` claims more than its bytes can unpack to");  // deflate's best, 1032 to 1
    (void)begin_of(m);
    members_.push_back(std::move(m));
    return next;
  }
  // Where a member's bytes begin: behind its local header, whose name may be no other, before the directory.
  std::size_t begin_of(const ZipMember& m) const {
    if (m.local > directory_ || directory_ - m.local < zip_local_bytes || number(m.local, 4) != zip_local)
      refuse("`" + m.name + "` is not where it should be");
    const std::size_t name = number(m.local + 26, 2), begin = m.local + zip_local_bytes + name + number(m.local + 28, 2);
    if (begin > directory_ || m.packed > directory_ - begin) refuse("`" + m.name + "` is truncated");
    if (text(m.local + zip_local_bytes, name) != m.name) refuse("`" + m.name + "` has two names");
    return begin;
  }
  void check_overlaps() const {
    std::vector<std::pair<std::size_t, std::size_t>> ranges;
    for (const ZipMember& m : members_) ranges.emplace_back(m.local, begin_of(m) + m.packed);
    std::sort(ranges.begin(), ranges.end());
    for (std::size_t i = 1; i < ranges.size(); ++i)
      if (ranges[i].first < ranges[i - 1].second) refuse("two members share bytes");
  }
  void inflate_raw(const std::byte* packed, const ZipMember& m, std::vector<std::byte>& out) const {
    z_stream z{};
    Bytef nothing = 0;  // zlib wants a place even for an empty member
    z.next_in = zip_input(packed), z.avail_in = static_cast<uInt>(m.packed);
    z.next_out = out.empty() ? &nothing : reinterpret_cast<Bytef*>(out.data()), z.avail_out = static_cast<uInt>(out.size());
    if (inflateInit2(&z, -15) != Z_OK) throw std::bad_alloc{};
    const int code = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    if (code != Z_STREAM_END || z.avail_in != 0 || z.avail_out != 0) refuse("`" + m.name + "` does not unpack");
  }
  std::string text(std::size_t at, std::size_t bytes) const { return {reinterpret_cast<const char*>(bytes_.data()) + at, bytes}; }

  std::vector<std::byte> bytes_;
  std::string file_;
  std::vector<ZipMember> members_{};
  std::size_t directory_ = 0;
};

inline std::vector<std::byte> deflate_raw(const std::vector<std::byte>& bytes) {
  z_stream z{};
  if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc{};
  std::vector<std::byte> out(deflateBound(&z, static_cast<uLong>(bytes.size())));
  z.next_in = zip_input(bytes.data()), z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data()), z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);  // the bound is never too small
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

inline void zip_number(std::string& out, std::size_t value, int bytes) {
  for (; bytes > 0; --bytes, value >>= 8) out += static_cast<char>(value & 255);
}
// What both headers of a member say alike. The date is always the first of 1980, so that the same arrays give the same file.
inline std::string zip_facts(const ZipMember& m) {
  std::string out;
  zip_number(out, 20, 2), zip_number(out, 0, 2), zip_number(out, m.method, 2);
  zip_number(out, 0, 2), zip_number(out, 33, 2), zip_number(out, m.crc, 4);
  zip_number(out, m.packed, 4), zip_number(out, m.size, 4), zip_number(out, m.name.size(), 2), zip_number(out, 0, 2);
  return out;
}

}  // namespace detail

VITRAIL_FUNCTION NpzArrays read_npz(const std::filesystem::path& path) {
  const detail::ZipReader zip(read_file(path), path.string());
  NpzArrays arrays;
  for (const detail::ZipMember& m : zip.members()) {
    if (!m.name.ends_with(".npy")) throw FileError("npz: " + path.string() + ": `" + m.name + "` is no array, expected only .npy members");
    const std::string name = m.name.substr(0, m.name.size() - 4);
    if (!arrays.try_emplace(name, parse_npy(zip.unpack(m), path.string() + "/" + m.name)).second)
      throw FileError("npz: " + path.string() + ": two arrays are named `" + name + "`; it is damaged");
  }
  return arrays;
}

VITRAIL_FUNCTION void write_npz(const std::filesystem::path& path, const NpzArrays& arrays, const NpzConfig& config) {
  constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
  write_atomically(path, [&](FileDraft& draft) {
    std::string directory;
    std::size_t at = 0;
    for (const auto& [name, array] : arrays) {
      const std::string head = npy_head(array);
      std::vector<std::byte> bytes(head.size());
      std::memcpy(bytes.data(), head.data(), head.size());
      bytes.insert(bytes.end(), array.bytes.begin(), array.bytes.end());
      if (bytes.size() >= most - at || arrays.size() >= 65535 || name.size() > 60000)
        throw FileError("npz: " + path.string() + " would not fit into 4 GiB and 65535 arrays; write several files, or safetensors");
      detail::ZipMember m{name + ".npy", config.deflate ? 8u : 0u, detail::zip_checksum(bytes), 0, bytes.size(), at};
      if (config.deflate) bytes = detail::deflate_raw(bytes);
      m.packed = bytes.size();
      std::string local;
      detail::zip_number(local, detail::zip_local, 4);
      local += detail::zip_facts(m) + m.name;
      draft.write(local);
      draft.write(bytes);
      at += local.size() + bytes.size();
      detail::zip_number(directory, detail::zip_central, 4), detail::zip_number(directory, 20, 2);
      directory += detail::zip_facts(m);
      detail::zip_number(directory, 0, 10), detail::zip_number(directory, m.local, 4);  // no comment, disk 0, no attributes
      directory += m.name;
    }
    if (at + directory.size() >= most)
      throw FileError("npz: " + path.string() + " would not fit into 4 GiB; write several files, or safetensors");
    std::string end;
    detail::zip_number(end, detail::zip_end, 4), detail::zip_number(end, 0, 4);
    detail::zip_number(end, arrays.size(), 2), detail::zip_number(end, arrays.size(), 2);
    detail::zip_number(end, directory.size(), 4), detail::zip_number(end, at, 4), detail::zip_number(end, 0, 2);
    draft.write(directory + end);
  });
}

}  // namespace vitrail
