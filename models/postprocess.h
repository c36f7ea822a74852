// From the heads' outputs to a photo's detections.
// Shapes: N photos, P proposals, D detections, K classes (0 is background), M mask size.
#pragma once
#include <array>
#include <vector>

#include "data/rle.h"
#include "models/config.h"
#include "models/rois.h"

namespace sil {

// Of one photo, in its own (original) pixels, best first.
struct PhotoDetections {
  std::vector<std::array<float, 4>> boxes;  // x1, y1, x2, y2
  std::vector<float> scores;
  std::vector<int> labels;  // output of the model, 1..K-1
  std::vector<Rle> masks;
};

// Of a batch, best first in each photo, in input coordinates.  On the CPU those that were found; on a GPU
// config.detections rows for each photo, the empty ones (image and label -1) behind its own.
struct Detections {
  Rois rois;
  Tensor scores;  // [D], of the boxes' dtype
  Tensor labels;  // int32 [D], 1..K-1
};

// Every class of every proposal is a candidate: its box is decoded and clipped to the photo (sizes int32 [N, 2]),
// scores up to the threshold and sides under min_side are dropped, overlaps suppressed class by class, the best kept.
// Reads nothing from a GPU, unless there may be more than 32,768 candidates a photo.
Detections select_detections(const Tensor& class_logits, const Tensor& deltas, const Rois& proposals,
                             const Tensor& sizes, const BoxConfig&);

// Boxes scaled to the original photo by height and width ratios in float32, soft masks [D, M, M] pasted there, cut at
// the threshold and encoded, without their pixels, where they lie; then read.
std::vector<PhotoDetections> map_to_photos(const Detections&, const Tensor& masks, const Tensor& sizes,
                                           const std::vector<std::array<int, 2>>& original, float mask_threshold);

}  // namespace sil
