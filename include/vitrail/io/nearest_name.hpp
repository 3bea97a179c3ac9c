// "Did you mean ...?": the known name that lies closest to a mistyped one.
#pragma once
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace vitrail {

// Insertions, deletions, substitutions and swaps of neighbours that lead from a to b (optimal string alignment).
inline int edit_distance(std::string_view a, std::string_view b) {
  std::vector<int> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, above[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

// The closest of `known`, the first of equals; empty if none is closer than half of the name's length.
inline std::string nearest_name(std::string_view name, const std::vector<std::string>& known) {
  std::string best;
  int least = static_cast<int>(std::min<std::size_t>(name.size(), 100)) / 2 + 1;
  for (const std::string& candidate : known) {
    const int distance = edit_distance(name.substr(0, 100), candidate);
    if (distance < least) least = distance, best = candidate;
  }
  return best;
}

// "; did you mean 'learning_rate'?" or, when nothing is near, "; known are 'a', 'b'".
inline std::string suggestion(std::string_view name, const std::vector<std::string>& known) {
  const std::string near = nearest_name(name, known);
  if (!near.empty()) return "; did you mean '" + near + "'?";
  std::string list;
  for (const std::string& candidate : known) list += (list.empty() ? "'" : ", '") + candidate + "'";
  return "; known are " + list;
}

}  // namespace vitrail
