// A codebook of centroids: k-means on patches of the training images (SplitMask, section 5.5). Lloyd's algorithm (1982) from
// the starting points of k-means++ (Arthur and Vassilvitskii 2007), drawn in rounds, on a device's threads.
#pragma once
#include <vector>

#include "../backends/cpu.hpp"
#include "../core/config.hpp"
#include "../core/random.hpp"
#include "codebook.hpp"

namespace vitrail {

// `patches` holds rows of `values` numbers. The centroids of `vocabulary` clusters of them: a codebook for assign(). The paper
// runs this on 3 million patches; it does not say how many iterations. Throws ConfigError if there are too few patches.
template <class T>
std::vector<T> kmeans(Cpu& device, const std::vector<T>& patches, int values, int vocabulary, Random random, int iterations = 20);

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/kmeans.hpp"
#endif
