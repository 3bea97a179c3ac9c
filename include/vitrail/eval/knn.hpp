// Classification by the nearest neighbours in feature space, as DINO does it (Caron et al. 2021, eval_knn): cosine
// similarity, and votes that weigh exp(similarity / temperature). It trains nothing, so that it shows the features
// alone.
#pragma once
#include "../backends/cpu.hpp"
#include "../core/config.hpp"
#include "metrics.hpp"
#include "scaling.hpp"

namespace vitrail {

struct KnnConfig {
  int k = 20;                 // neighbours that vote; usually the best of DINO's 10, 20, 100, 200
  double temperature = 0.07;  // of the votes
};

// The class of each row of `test` by its neighbours in `train`. Exact: every pair is compared. The same to the last bit
// with any number of threads. Throws ConfigError for sets without labels or of different dim, and a k that is no number
// of training images; NumericError for features that are not finite.
VITRAIL_FUNCTION std::vector<int> knn_predict(Cpu& cpu, Features train, Features test, const KnnConfig& config = {});

// The share of `test` that its neighbours in `train` classify rightly.
VITRAIL_FUNCTION double knn_accuracy(Cpu& cpu, const Features& train, const Features& test, const KnnConfig& config = {});
VITRAIL_FUNCTION double knn_accuracy(const Features& train, const Features& test, const KnnConfig& config = {});

}  // namespace vitrail

#if VITRAIL_BODIES
#include "bodies/knn.hpp"
#endif
