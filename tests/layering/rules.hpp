// The rules that every header keeps, as functions from its place and text to the sentences that it breaks.
#pragma once
#include <filesystem>
#include <regex>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace house {

using Sentences = std::vector<std::string>;

// Each folder may include only itself and folders to its left.
inline const std::vector<std::string> folder_order = {"core",  "tensor", "backends", "autograd",   "ops",
                                                      "nn",    "vit",    "masking",  "tokenizers", "objectives",
                                                      "train", "eval",   "io"};

// The layer of a header, given by its path below include/vitrail; -1 if its folder is unknown. vitrail.hpp, the table
// of contents, lies above all.
inline int layer_of(const std::filesystem::path& header) {
  const int count = static_cast<int>(folder_order.size());
  if (!header.has_parent_path()) return count;
  for (int i = 0; i < count; ++i) {
    if (header.begin()->string() == folder_order[static_cast<std::size_t>(i)]) return i;
  }
  return -1;
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// The text with comments and the contents of literals blanked; lines stay where they were. Digit separators are told
// from characters by the digit before them; includes keep their names.
inline std::string code_of(const std::string& text) {
  std::string code = text;
  enum { plain, line_comment, block_comment, quoted, character } state = plain;
  bool include_line = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i], next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (c == '\n') {
      if (state != block_comment) state = plain;
      include_line = false;
      continue;
    }
    if (state == plain) {
      if (c == '#') include_line = text.compare(i, 8, "#include") == 0;
      const bool separator = c == '\'' && i > 0 && std::isalnum(static_cast<unsigned char>(text[i - 1])) != 0;
      if (c == '/' && next == '/') state = line_comment;
      if (c == '/' && next == '*') state = block_comment;
      if (c == '"' && !include_line) state = quoted;
      if (c == '\'' && !separator) state = character;
      if (state == line_comment || state == block_comment) code[i] = ' ';
      continue;
    }
    const bool escaped = (state == quoted || state == character) && c == '\\';
    const bool ends = (state == quoted && c == '"') || (state == character && c == '\'');
    if (!ends) code[i] = ' ';
    if (escaped && next != '\n' && next != '\0') code[++i] = ' ';
    if (state == block_comment && c == '*' && next == '/') code[++i] = ' ', state = plain;
    if (ends) state = plain;
  }
  return code;
}

// The folder order, and that includes of our own are relative and exist. `root` is include/vitrail.
inline Sentences include_faults(const std::filesystem::path& root, const std::filesystem::path& header,
                                const std::string& code) {
  static const std::regex pattern(R"re(^\s*#\s*include\s*(["<])([^">]+)[">])re");
  Sentences faults;
  const int own = layer_of(header);
  if (own < 0) faults.push_back("lies in a folder that is not in the folder order");
  for (const std::string& line : lines_of(code)) {
    std::smatch found;
    if (!std::regex_search(line, found, pattern)) continue;
    const std::string name = found[2];
    if (found[1] == "<") {
      if (name.rfind("vitrail/", 0) == 0)
        faults.push_back("includes <" + name + ">: write the relative path in quotes");
      static const std::regex outside("nlohmann/.*|jpeglib.h|jerror.h|png.h|zlib.h");
      if (std::regex_match(name, outside) && own < layer_of("io/any.hpp")) {
        faults.push_back("includes <" + name + ">, which belongs to io/");
      }
      continue;
    }
    const std::filesystem::path target = (header.parent_path() / name).lexically_normal();
    if (!std::filesystem::exists(root / target)) faults.push_back("includes \"" + name + "\", which does not exist");
    if (const int other = layer_of(target); other < 0 || other > own) {
      faults.push_back("includes \"" + name + "\", which is above it in the folder order");
    }
  }
  return faults;
}

// What may not stand in a header: printing, aborting, other sources of randomness, conditionals above the backends.
inline Sentences word_faults(const std::filesystem::path& header, const std::string& code) {
  static const std::regex printing(
      R"(\bstd\s*::\s*(cout|cerr|clog)\b|(^|[^\w.>])(printf|fprintf|puts|fputs|putchar|perror)\s*\()");
  static const std::regex stopping(R"((^|[^\w.>])(abort|assert|exit|_exit|quick_exit|terminate)\s*\()");
  static const std::regex chance(
      R"(\b(srand|random_device|mt19937|mt19937_64|default_random_engine|\w+_distribution)\b|\brand\s*\()");
  static const std::regex condition(R"(^\s*#\s*(if|ifdef|ifndef|elif|else)\b)");
  static const std::regex hardware("CUDA|NVCC|HIP|SYCL|EIGEN|AVX|SSE|NEON|VITRAIL_HAS|BACKEND");
  Sentences faults;
  const int own = layer_of(header);
  const bool above = own > layer_of("backends/any.hpp"), files = own == layer_of("io/any.hpp");
  static const std::regex bodies("#if VITRAIL_(IO_)?BODIES");  // of functions that may be compiled elsewhere
  for (const std::string& line : lines_of(code)) {
    if (std::regex_search(line, printing)) faults.push_back("prints: " + line);
    if (std::regex_search(line, stopping)) faults.push_back("stops the program instead of throwing: " + line);
    if (std::regex_search(line, chance)) faults.push_back("takes random numbers from elsewhere than Random: " + line);
    if (std::regex_match(line, bodies)) {
      if (code.find("core/config.hpp") == std::string::npos)
        faults.push_back("leaves its bodies out without a word, for it does not include core/config.hpp: " + line);
      continue;
    }
    if (above && std::regex_search(line, condition) && (!files || std::regex_search(line, hardware))) {
      faults.push_back("has a conditional above backends/: " + line);
    }
  }
  return faults;
}

// The form: an opening comment, #pragma once, at most 140 columns and 300 lines.
inline Sentences form_faults(const std::string& text) {
  Sentences faults;
  const std::vector<std::string> lines = lines_of(text);
  std::string opening;
  for (const std::string& line : lines) {
    if (line.rfind("//", 0) != 0) break;
    opening += line + " ";
  }
  if (opening.empty()) faults.push_back("does not open with a comment that says what it is");
  if (!std::regex_search(code_of(text), std::regex("(^|\n)#pragma once\n"))) faults.push_back("has no #pragma once");
  if (lines.size() > 300 && opening.find("long because") == std::string::npos) {
    faults.push_back("has " + std::to_string(lines.size()) +
                     " lines; over 300 the opening says \"long because\" and why");
  }
  for (const std::string& line : lines) {
    std::size_t columns = 0;
    for (const char c : line) columns += (static_cast<unsigned char>(c) & 0xC0u) != 0x80u;  // UTF-8: first bytes only
    if (columns > 140) faults.push_back("has a line of " + std::to_string(columns) + " columns: " + line);
  }
  return faults;
}

}  // namespace house
