// CUDA's kernels on the host, of values in float.
#include "support/host_kernels.hpp"

HOST_PRODUCTS_OF_FLOATS(HOST_PRODUCT)
namespace vitrail {
HOST_KERNELS(float, HOST_FORWARD, HOST_BACKWARD)
HOST_KERNELS_OF_FLOATS(HOST_FORWARD)
}  // namespace vitrail
