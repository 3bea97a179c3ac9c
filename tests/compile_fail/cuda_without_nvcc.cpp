// The card's device in a file that is no CUDA.
// expect: compile this file with nvcc to use vitrail::Cuda
#ifdef BAD
#include "vitrail/backends/cuda.hpp"
using Device = vitrail::Cuda;
#else
#include "vitrail/backends/cpu.hpp"
using Device = vitrail::Cpu;
#endif

int threads(const Device& device) { return device.threads(); }
