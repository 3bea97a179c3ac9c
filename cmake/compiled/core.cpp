// vitrail::compiled: all that no type of a user's takes part in, but kernels and files.
#define VITRAIL_COMPILING_CORE
#define VITRAIL_COMPILING_KERNELS
#include <vitrail/vitrail.hpp>

#include <vitrail/eval/average_precision.hpp>

namespace vitrail {
template void cpu::product(std::int64_t, std::int64_t, std::int64_t, cpu::Operand<float>, cpu::Operand<float>, const cpu::Result<float>&,
                           cpu::Arithmetic);
template void fill_initial(std::vector<float>&, Init, int, int, Random);
template void fill_initial(std::vector<double>&, Init, int, int, Random);
template std::vector<float> kmeans(Cpu&, const std::vector<float>&, int, int, Random, int);
template std::vector<double> kmeans(Cpu&, const std::vector<double>&, int, int, Random, int);
}  // namespace vitrail
