// CUDA's kernels on the host, of values in bfloat16.
#include "support/host_kernels.hpp"

HOST_PRODUCTS_OF_BFLOAT16(HOST_PRODUCT)
namespace vitrail {
HOST_KERNELS(bfloat16, HOST_FORWARD, HOST_BACKWARD)
HOST_KERNELS_OF_BFLOAT16(bfloat16, HOST_FORWARD, HOST_BACKWARD)
}  // namespace vitrail
