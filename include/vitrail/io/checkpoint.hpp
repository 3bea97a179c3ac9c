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

namespace detail {
// Where the running means of an optimiser are, each as many numbers as a model trains, and the steps that it has taken.
struct OptimiserState {
  void *mean, *square;
  std::int64_t count, steps;
};
VITRAIL_FUNCTION void save_training(const std::filesystem::path& path, const std::vector<ParameterEntry>& parameters,
                                    const OptimiserState& optimizer, Metadata metadata);
VITRAIL_FUNCTION Metadata load_training(const std::filesystem::path& path, const std::vector<ParameterEntry>& parameters,
                                        OptimiserState& optimizer);
}  // namespace detail

// A whole run: parameters, the optimiser's running means, and the steps taken.
template <class M, class Device, class T>
void save_training(const std::filesystem::path& path, Model<M, Device, T>& model, const AdamW<M, Device, T>& optimizer,
                   Metadata metadata = {}) {
  detail::save_training(path, model.parameters(), {optimizer.mean(), optimizer.square(), model.trained(), optimizer.steps()},
                        std::move(metadata));
}

// Puts a run back; returns the file's metadata. Throws FileError, and changes nothing, if anything does not fit.
template <class M, class Device, class T>
Metadata load_training(const std::filesystem::path& path, Model<M, Device, T>& model, AdamW<M, Device, T>& optimizer) {
  detail::OptimiserState state{optimizer.mean(), optimizer.square(), model.trained(), 0};
  Metadata metadata = detail::load_training(path, model.parameters(), state);
  optimizer.set_steps(state.steps);
  return metadata;
}

}  // namespace vitrail

#if VITRAIL_IO_BODIES
#include "bodies/checkpoint.hpp"
#endif
