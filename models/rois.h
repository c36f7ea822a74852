// Boxes of a batch and whose they are.
#pragma once
#include "tensor/tensor.h"

namespace sil {

// Packed rows, those of one photo together, photos in order; image -1 is an empty row, and comes last.
struct Rois {
  Tensor boxes;  // float32 (float64 of a model in float64) [R, 4], x1 y1 x2 y2, in input coordinates
  Tensor image;  // int32 [R]: which photo of the batch

  int64_t count() const { return boxes.dim(0); }
};

}  // namespace sil
