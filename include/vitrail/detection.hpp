// Detectors: what they learn from, Mask R-CNN, and how good it is. Beside vitrail.hpp, because a program that pre-trains needs none of it.
#pragma once
#include "core/anchors.hpp"
#include "core/box.hpp"
#include "core/roi.hpp"

#include "tensor/objects.hpp"
#include "tensor/run_length.hpp"

#include "backends/detection_catalog.hpp"

#include "ops/detection.hpp"
#include "ops/regions.hpp"

#include "nn/conv.hpp"

#include "vit/feature_pyramid.hpp"

#include "objectives/mask_rcnn.hpp"

#include "train/augment/objects_in_view.hpp"
#include "train/object_set.hpp"
#include "train/object_subset.hpp"

#include "eval/average_precision.hpp"
#include "eval/detect.hpp"
