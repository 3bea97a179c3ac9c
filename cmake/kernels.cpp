// The one file of the target vitrail::kernels: all that backends/cpu/precompiled.hpp lists.
#include <vitrail/backends/cpu.hpp>
