// NumPy's .npz: several named .npy arrays in a zip file, stored (numpy.savez) or deflated (numpy.savez_compressed), both ways.
// Nothing in a file is believed before it is checked. Zip: PKWARE's APPNOTE.TXT, sections 4.3 and 4.4; up to 4 GiB, no encryption.
#pragma once
#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "../core/config.hpp"
#include "npy.hpp"

namespace vitrail {

using NpzArrays = std::map<std::string, NpyArray>;  // by name, without ".npy"

struct NpzConfig {
  bool deflate = false;  // smaller and slower; weights, which look random, hardly shrink
};

// All arrays of a .npz file. Throws FileError, "npz: <path>: …": not a zip, truncated, overlapping or damaged members, a member that
// claims more than it can hold, one that is no array, a name twice; and what read_npy throws.
VITRAIL_FUNCTION NpzArrays read_npz(const std::filesystem::path& path);

// Writes atomically; the same arrays give the same bytes. Throws FileError; also where the file would reach 4 GiB or 65535 arrays.
VITRAIL_FUNCTION void write_npz(const std::filesystem::path& path, const NpzArrays& arrays, const NpzConfig& config = {});

}  // namespace vitrail

#if VITRAIL_IO_BODIES
#include "bodies/npz.hpp"
#endif
