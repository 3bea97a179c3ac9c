// vitrail::compiled: the kernels of Cpu in double, for gradient checks.
#define VITRAIL_COMPILING_KERNELS
#include <vitrail/backends/cpu.hpp>

#define VITRAIL_FORWARD(OP, ...) template void call_forward<op::OP, Cpu, __VA_ARGS__>(Cpu&, const op::OP&, __VA_ARGS__);
#define VITRAIL_BACKWARD(OP, ...) template void call_backward<op::OP, Cpu, __VA_ARGS__>(Cpu&, const op::OP&, __VA_ARGS__);
namespace vitrail {
VITRAIL_EACH_KERNEL(double, VITRAIL_FORWARD, VITRAIL_BACKWARD)
}  // namespace vitrail
