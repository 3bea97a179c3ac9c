// Models to and from files: parameters under timm's names, and everything that a run needs to go on as if never stopped.
#pragma once
#include "../core/config.hpp"
#include "../train/adamw.hpp"
#include "checkpoint_fit.hpp"

namespace vitrail {

using Metadata = std::map<std::string, std::string>;

namespace detail {
VITRAIL_FUNCTION std::vector<NamedParameter> named(const std::vector<ParameterEntry>& parameters, const std::string& prefix = "");

// Downloads every parameter into `memory`, which must outlive the entries.
VITRAIL_FUNCTION std::vector<TensorEntry> entries_of(const std::vector<NamedParameter>& parameters,
                                                     std::vector<std::vector<std::byte>>& memory);

VITRAIL_FUNCTION void upload(const NamedParameter& p, const TensorEntry& entry);

VITRAIL_FUNCTION LoadReport load(const SafetensorsFile& file, const std::vector<NamedParameter>& wanted, const LoadConfig& config);
}  // namespace detail

// Writes a module of a Model (the whole, or a part such as model->encoder). Atomic: an old file survives any failure.
template <class M> void save(const std::filesystem::path& path, M& module, const Metadata& metadata = {}) {
  std::vector<std::vector<std::byte>> memory;
  write_safetensors(path, detail::entries_of(detail::named(parameters_of(module)), memory), metadata);
}

// Fills a module from a file that is already open. Everything is checked before anything is changed: throws FileError with the names
// of what is missing, unexpected or of another shape.
template <class M> LoadReport load(const SafetensorsFile& file, M& module, const LoadConfig& config = {}) {
  return detail::load(file, detail::named(parameters_of(module), config.prefix), config);
}
template <class M> LoadReport load(const std::filesystem::path& path, M& module, const LoadConfig& config = {}) {
  return load(SafetensorsFile::read(path), module, config);
}

// A whole run: parameters, the optimiser's running means, and the steps taken.
template <class M, class Device, class T>
void save_training(const std::filesystem::path& path, Model<M, Device, T>& model, const AdamW<M, Device, T>& optimizer,
                   Metadata metadata = {}) {
  std::vector<std::vector<std::byte>> memory;
  std::vector<detail::NamedParameter> all = detail::named(model.parameters());
  const BufferHome* home = all.at(0).home;
  all.push_back({"optimizer.mean", {model.trained()}, optimizer.mean(), model.trained(), home});
  all.push_back({"optimizer.square", {model.trained()}, optimizer.square(), model.trained(), home});
  metadata["steps"] = std::to_string(optimizer.steps());
  write_safetensors(path, detail::entries_of(all, memory), metadata);
}

// Puts a run back; returns the file's metadata. Throws FileError, and changes nothing, if anything does not fit.
template <class M, class Device, class T>
Metadata load_training(const std::filesystem::path& path, Model<M, Device, T>& model, AdamW<M, Device, T>& optimizer) {
  const SafetensorsFile file = SafetensorsFile::read(path);
  const auto refuse = [&](const std::string& what) { throw FileError("checkpoint: " + path.string() + " " + what); };
  const auto steps = file.metadata().find("steps");
  const TensorEntry* moments[] = {file.find("optimizer.mean"), file.find("optimizer.square")};
  if (steps == file.metadata().end() || moments[0] == nullptr || moments[1] == nullptr)
    refuse("holds a model without the state of its optimiser; training cannot go on from it");
  if (steps->second.empty() || steps->second.size() > 18 || steps->second.find_first_not_of("0123456789") != std::string::npos)
    refuse("counts its steps as '" + steps->second.substr(0, 40) + "', expected a number");
  for (const TensorEntry* entry : moments)
    if (entry->shape != std::vector<std::int64_t>{model.trained()} || entry->dtype[0] != 'F')
      refuse("keeps an optimiser of " + detail::shape_text(entry->shape) + " numbers, the model has " + std::to_string(model.trained()) +
             " parameters; was it saved by another preset?");
  load(file, *model, {.ignore = {"optimizer.mean", "optimizer.square"}, .resample_positions = false});
  const BufferHome* home = detail::named(model.parameters()).at(0).home;
  detail::upload({"", {}, optimizer.mean(), model.trained(), home}, *moments[0]);
  detail::upload({"", {}, optimizer.square(), model.trained(), home}, *moments[1]);
  optimizer.set_steps(std::stoll(steps->second));
  return file.metadata();
}

}  // namespace vitrail

#if VITRAIL_IO_BODIES
#include "bodies/checkpoint.hpp"
#endif
