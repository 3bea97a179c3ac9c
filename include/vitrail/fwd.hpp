// Names, for headers that pass things on without looking inside: a class that keeps a pointer to a Model, a function that takes a Tensor.
// It holds shapes whole, for they are part of the names; the file that does the work includes what it needs of vitrail.hpp and io.hpp.
#pragma once
#include "core/config.hpp"
#include "core/shape.hpp"

namespace vitrail {

// tensors, and what is differentiated
template <class Memory> class Arena;
template <class S, class Device, class T> struct Tensor;
template <class S, class D, class T> struct Var;
template <class Device> class Tape;
template <class S> struct Parameter;
template <int Count> struct Indices;
class Sampler;
class Random;
struct Image;

// devices
inline namespace VITRAIL_ABI {
class Cpu;
struct CpuConfig;
}  // namespace VITRAIL_ABI
struct Plan;
template <class D> struct Checked;
template <class D> struct Timed;
template <class D, class C> class Parallel;

// models and training; T of a Model is float where nothing else is said, here it must be
template <class M, class Device, class T> class Model;
template <class M, class Device, class T> class AdamW;
template <class M> struct Ema;
struct AdamWConfig;
struct ViTConfig;
struct Cost;
struct FitConfig;
struct StepReport;
struct CosineSchedule;

// images
class ImageSet;
class BatchLoader;
struct LoaderConfig;
struct AugmentConfig;

// files (io.hpp)
class ImageFolder;
class SafetensorsFile;
struct LoadConfig;
struct LoadReport;

}  // namespace vitrail
