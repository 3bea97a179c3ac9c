// Whether a file of tensors fits a module: all differences by name, and what to do about them. Nothing is changed here.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "../autograd/parameter.hpp"
#include "position_tables.hpp"
#include "safetensors.hpp"

namespace vitrail {

struct LoadConfig {
  std::string prefix = "";              // before every name in the file: "encoder." picks the encoder out of a whole objective
  std::vector<std::string> ignore = {}; // beginnings of names that the file may have and the module lacks: {"head."}
  bool allow_unexpected = false;        // the file may have any such tensors
  bool allow_missing = false;           // parameters that the file does not have keep their values
  bool resample_positions = true;       // tables of positions of another image size are resampled, see PositionTable; else refused
};
struct LoadReport {
  int loaded = 0;
  std::vector<std::string> missing{}, unexpected{}, resampled{};  // names; tensors outside of the prefix are nobody's business
};

namespace detail {

// One parameter as the file sees it: a name, extents, and a place in the model's memory. No templates beyond this point.
struct NamedParameter {
  std::string name;
  std::vector<std::int64_t> shape;
  void* at = nullptr;
  std::int64_t count = 0;
  const BufferHome* home = nullptr;
};

inline std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string out = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) out += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return out + ")";
}

class CheckpointFit {
 public:
  CheckpointFit(const SafetensorsFile& file, const std::vector<NamedParameter>& wanted, const LoadConfig& config)
      : file_(&file), wanted_(&wanted), config_(&config) {
    for (const NamedParameter& p : wanted) {
      const TensorEntry* entry = file.find(p.name);
      if (entry == nullptr) report.missing.push_back(p.name);
      else if (entry->shape != p.shape && !(config.resample_positions && PositionTable::fits(*entry, p.shape)))
        wrong_.push_back("`" + p.name + "` is " + shape_text(entry->shape) + ", the model wants " + shape_text(p.shape));
      else if (entry->dtype[0] != 'F' && entry->dtype != "BF16")
        wrong_.push_back("`" + p.name + "` holds " + entry->dtype + ", expected floating-point numbers");
    }
    for (const TensorEntry& entry : file.entries())
      if (entry.name.starts_with(config.prefix) && !is_wanted(entry.name) && !may_be_left(entry.name))
        report.unexpected.push_back(entry.name);
  }

  LoadReport report{};

  // Throws FileError with everything that does not fit.
  void require() const {
    const bool missing = !report.missing.empty() && !config_->allow_missing;
    const bool unexpected = !report.unexpected.empty() && !config_->allow_unexpected;
    if (wrong_.empty() && !missing && !unexpected) return;
    std::string text = "checkpoint: " + file_->name() + " does not fit the model";
    if (file_->entries().empty()) text += ": it is empty";
    if (!wrong_.empty()) text += list("of another kind: ", "", wrong_, "");
    if (missing) text += list("missing: ", " of " + std::to_string(wanted_->size()), report.missing, "`");
    if (unexpected) text += list("unexpected: ", "", report.unexpected, "`");
    throw FileError(text + "\n  " + remedy(missing, unexpected));
  }

 private:
  bool is_wanted(const std::string& name) const {
    return std::any_of(wanted_->begin(), wanted_->end(), [&](const NamedParameter& p) { return p.name == name; });
  }
  bool may_be_left(const std::string& name) const {
    return std::any_of(config_->ignore.begin(), config_->ignore.end(),
                       [&](const std::string& begin) { return name.substr(config_->prefix.size()).starts_with(begin); });
  }
  // "\n  missing: 3 of 28: `a`, `b`, `c`"
  static std::string list(const std::string& what, const std::string& of, const std::vector<std::string>& names, const std::string& quote) {
    constexpr std::size_t most = 12;
    std::string text = "\n  " + what + std::to_string(names.size()) + of + ": ";
    for (std::size_t i = 0; i < std::min(most, names.size()); ++i)
      text += (i > 0 ? quote.empty() ? "; " : ", " : "") + quote + names[i] + quote;
    return text + (names.size() > most ? " and " + std::to_string(names.size() - most) + " more" : "");
  }
  // Where the same names stand behind another beginning, on either side: what to do about it. Otherwise nothing.
  std::string other_beginning() const {
    const std::size_t inside = config_->prefix.size();
    for (const NamedParameter& p : *wanted_)
      for (const TensorEntry& entry : file_->entries()) {
        if (ends_with_path(entry.name, p.name)) {
          const std::string begin = entry.name.substr(0, entry.name.size() - p.name.size());
          return "its names begin with \"" + begin + "\": load with .prefix = \"" + begin + config_->prefix + "\"";
        }
        if (!ends_with_path(p.name, entry.name)) continue;
        const std::string part = p.name.substr(0, p.name.size() - entry.name.size()), here = part.substr(std::min(part.size(), inside));
        if (here.empty()) return "its names do not begin with \"" + part + "\": load without that .prefix";
        return "it seems to hold a part: load it into that member, such as model->" + here.substr(0, here.size() - 1);
      }
    return "";
  }
  std::string remedy(bool missing, bool unexpected) const {
    const std::size_t inside = config_->prefix.size();
    if (missing) {
      const bool most = 2 * report.missing.size() > wanted_->size();  // a few that are missing are no matter of beginnings
      const std::string other = most ? other_beginning() : "";
      return other.empty() ? "is it another model's? Parameters that may keep their values: .allow_missing = true" : other;
    }
    if (!wrong_.empty()) return "was it saved by another preset?";
    std::vector<std::string> parts;
    for (const std::string& name : report.unexpected)
      if (unexpected) parts.push_back("\"" + name.substr(inside, name.find('.', inside) + 1 - inside) + "\"");
    parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
    std::string all;
    for (const std::string& part : parts) all += (all.empty() ? "" : ", ") + part;
    return "if they are to be left, say so: .ignore = {" + all + "}";
  }
  // "module.cls_token" ends with "cls_token", and "xcls_token" does not.
  static bool ends_with_path(const std::string& name, const std::string& end) {
    return name.size() > end.size() && name.ends_with(end) && name[name.size() - end.size() - 1] == '.';
  }

  const SafetensorsFile* file_;
  const std::vector<NamedParameter>* wanted_;
  const LoadConfig* config_;
  std::vector<std::string> wrong_{};
};

}  // namespace detail
}  // namespace vitrail
