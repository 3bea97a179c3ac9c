// Bodies of checkpoint.hpp.
#pragma once
#include "../checkpoint.hpp"

namespace vitrail {

namespace detail {
VITRAIL_FUNCTION std::vector<NamedParameter> named(const std::vector<ParameterEntry>& parameters, const std::string& prefix) {
  std::vector<NamedParameter> out;
  for (const ParameterEntry& p : parameters) {
    if (*p.home == nullptr) throw Error("checkpoint: `" + prefix + p.name + "` has no memory; save and load a Model's module");
    out.push_back({prefix + p.name, p.extents, *p.value, p.count, *p.home});
  }
  return out;
}

VITRAIL_FUNCTION std::vector<TensorEntry> entries_of(const std::vector<NamedParameter>& parameters,
                                                     std::vector<std::vector<std::byte>>& memory) {
  std::vector<TensorEntry> entries;
  memory.reserve(memory.size() + parameters.size());
  for (const NamedParameter& p : parameters) {
    std::vector<std::byte>& bytes = memory.emplace_back(static_cast<std::size_t>(p.count) * p.home->scalar_bytes);
    p.home->download(bytes.data(), p.at, bytes.size());
    entries.push_back({p.name, p.home->dtype, p.shape, bytes.data(), bytes.size()});
  }
  return entries;
}

VITRAIL_FUNCTION void upload(const NamedParameter& p, const TensorEntry& entry) {
  if (p.home->scalar_bytes == sizeof(float)) {
    const std::vector<float> values = values_of<float>(entry);
    p.home->upload(p.at, values.data(), values.size() * sizeof(float));
  } else {
    const std::vector<double> values = values_of<double>(entry);
    p.home->upload(p.at, values.data(), values.size() * sizeof(double));
  }
}

VITRAIL_FUNCTION LoadReport load(const SafetensorsFile& file, const std::vector<NamedParameter>& wanted, const LoadConfig& config) {
  const CheckpointFit fit(file, wanted, config);
  fit.require();
  LoadReport report = fit.report;
  for (const NamedParameter& p : wanted)
    if (const TensorEntry* entry = file.find(p.name)) {
      ++report.loaded;
      if (entry->shape == p.shape) {
        upload(p, *entry);
      } else {
        const std::vector<double> values = PositionTable::resampled(*entry, p.shape);
        upload(p, tensor_entry(p.name, p.shape, values));
        report.resampled.push_back(p.name);
      }
    }
  return report;
}
}  // namespace detail

}  // namespace vitrail
