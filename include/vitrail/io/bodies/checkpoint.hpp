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

VITRAIL_FUNCTION void save_training(const std::filesystem::path& path, const std::vector<ParameterEntry>& parameters,
                                    const OptimiserState& optimizer, Metadata metadata) {
  std::vector<std::vector<std::byte>> memory;
  std::vector<NamedParameter> all = named(parameters);
  const BufferHome* home = all.at(0).home;
  all.push_back({"optimizer.mean", {optimizer.count}, optimizer.mean, optimizer.count, home});
  all.push_back({"optimizer.square", {optimizer.count}, optimizer.square, optimizer.count, home});
  metadata["steps"] = std::to_string(optimizer.steps);
  write_safetensors(path, entries_of(all, memory), metadata);
}

VITRAIL_FUNCTION Metadata load_training(const std::filesystem::path& path, const std::vector<ParameterEntry>& parameters,
                                        OptimiserState& optimizer) {
  const SafetensorsFile file = SafetensorsFile::read(path);
  const auto refuse = [&](const std::string& what) { throw FileError("checkpoint: " + path.string() + " " + what); };
  const auto steps = file.metadata().find("steps");
  const TensorEntry* moments[] = {file.find("optimizer.mean"), file.find("optimizer.square")};
  if (steps == file.metadata().end() || moments[0] == nullptr || moments[1] == nullptr)
    refuse("holds a model without the state of its optimiser; training cannot go on from it");
  if (steps->second.empty() || steps->second.size() > 18 || steps->second.find_first_not_of("0123456789") != std::string::npos)
    refuse("counts its steps as '" + steps->second.substr(0, 40) + "', expected a number");
  for (const TensorEntry* entry : moments)
    if (entry->shape != std::vector<std::int64_t>{optimizer.count} || entry->dtype[0] != 'F')
      refuse("keeps an optimiser of " + shape_text(entry->shape) + " numbers, the model has " + std::to_string(optimizer.count) +
             " parameters; was it saved by another preset?");
  const std::vector<NamedParameter> wanted = named(parameters);
  load(file, wanted, {.ignore = {"optimizer.mean", "optimizer.square"}, .resample_positions = false});
  const BufferHome* home = wanted.at(0).home;
  upload({"", {}, optimizer.mean, optimizer.count, home}, *moments[0]);
  upload({"", {}, optimizer.square, optimizer.count, home}, *moments[1]);
  optimizer.steps = std::stoll(steps->second);
  return file.metadata();
}
}  // namespace detail

}  // namespace vitrail
