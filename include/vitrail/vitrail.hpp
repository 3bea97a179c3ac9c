// Everything that needs no library but Eigen, in the order of the layers: the table of contents. Files are in io.hpp.
#pragma once

// core: integers and formulas
#include "core/bits.hpp"
#include "core/config.hpp"
#include "core/dual.hpp"
#include "core/error.hpp"
#include "core/random.hpp"
#include "core/ratio.hpp"
#include "core/resample_filter.hpp"
#include "core/scalar_math.hpp"
#include "core/shape.hpp"
#include "core/shape_rules.hpp"

// tensor: memory with a shape
#include "tensor/arena.hpp"
#include "tensor/image.hpp"
#include "tensor/sampler.hpp"
#include "tensor/tensor.hpp"

// backends: where arithmetic happens
#include "backends/catalog.hpp"
#include "backends/checked.hpp"
#include "backends/cpu.hpp"
#include "backends/device.hpp"
#include "backends/kernel.hpp"
#include "backends/plan.hpp"
#include "backends/timed.hpp"

// autograd: who depends on whom
#include "autograd/gradcheck.hpp"
#include "autograd/gradient_pool.hpp"
#include "autograd/parameter.hpp"
#include "autograd/run.hpp"
#include "autograd/tape.hpp"
#include "autograd/var.hpp"

// ops: one file, one operation
#include "ops/arithmetic.hpp"
#include "ops/attention.hpp"
#include "ops/batch_norm.hpp"
#include "ops/channels.hpp"
#include "ops/collapse.hpp"
#include "ops/conv2d.hpp"
#include "ops/cross_entropy.hpp"
#include "ops/distillation.hpp"
#include "ops/gelu.hpp"
#include "ops/gelu_linear.hpp"
#include "ops/info_nce.hpp"
#include "ops/layer_norm.hpp"
#include "ops/linear.hpp"
#include "ops/linear_cross_entropy.hpp"
#include "ops/map.hpp"
#include "ops/matmul.hpp"
#include "ops/norm_linear.hpp"
#include "ops/normalize.hpp"
#include "ops/patchify.hpp"
#include "ops/planes.hpp"
#include "ops/reduce.hpp"
#include "ops/softmax.hpp"
#include "ops/squared_error.hpp"
#include "ops/tokens.hpp"
#include "ops/weight_norm.hpp"

// nn: things with parameters
#include "nn/batch_norm.hpp"
#include "nn/block.hpp"
#include "nn/ema.hpp"
#include "nn/init.hpp"
#include "nn/layer_norm.hpp"
#include "nn/linear.hpp"
#include "nn/model.hpp"
#include "nn/module.hpp"
#include "nn/relative_attention.hpp"
#include "nn/running_mean.hpp"
#include "nn/transformer.hpp"

// vit: images to features
#include "vit/config.hpp"
#include "vit/presets.hpp"
#include "vit/vit.hpp"

// masking: which patches are seen
#include "masking/block_mask.hpp"
#include "masking/grid_mask.hpp"
#include "masking/mask_policy.hpp"
#include "masking/random_mask.hpp"
#include "masking/sample.hpp"
#include "masking/split.hpp"

// tokenizers: patches as words
#include "tokenizers/codebook.hpp"
#include "tokenizers/dalle.hpp"
#include "tokenizers/kmeans.hpp"
#include "tokenizers/random_patches.hpp"
#include "tokenizers/random_projection.hpp"
#include "tokenizers/tokenizer.hpp"

// objectives: what is learned
#include "objectives/averaged.hpp"
#include "objectives/beit.hpp"
#include "objectives/cost.hpp"
#include "objectives/decoder.hpp"
#include "objectives/dino.hpp"
#include "objectives/mae.hpp"
#include "objectives/moco_v3.hpp"
#include "objectives/objective.hpp"
#include "objectives/splitmask.hpp"
#include "objectives/supervised.hpp"
#include "objectives/words.hpp"

// train: how
#include "train/adamw.hpp"
#include "train/fit.hpp"
#include "train/image_set.hpp"
#include "train/layer_decay.hpp"
#include "train/loader.hpp"
#include "train/patches.hpp"
#include "train/recipes.hpp"
#include "train/schedule.hpp"
#include "train/subset.hpp"
#include "train/views.hpp"
#include "train/watch_collapse.hpp"

// eval: what it is worth
#include "eval/attention_maps.hpp"
#include "eval/batches.hpp"
#include "eval/classify.hpp"
#include "eval/features.hpp"
#include "eval/knn.hpp"
#include "eval/layers.hpp"
#include "eval/lbfgs.hpp"
#include "eval/linear_probe.hpp"
#include "eval/metrics.hpp"
#include "eval/pixels.hpp"
#include "eval/readout.hpp"
#include "eval/scaling.hpp"
#include "eval/softmax_regression.hpp"
#include "eval/token_entropy.hpp"

// the built-in image set
#include "io/textured_shapes.hpp"
