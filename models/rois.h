// Boxes of a batch and whose they are.
#pragma once
#include "tensor/tensor.h"

namespace sil {

// Those of one photo together, photos in order; image -1 is an empty row.  On the CPU empty ones come last, if there
// are any.  On a GPU proposals have as many rows for each photo, empty ones behind its own, and samples are followed by
// all their empty rows; the host never learns how many they are.
struct Rois {
  Tensor boxes;  // float32 (float64 of a model in float64) [R, 4], x1 y1 x2 y2, in input coordinates
  Tensor image;  // int32 [R]: which photo of the batch

  int64_t count() const { return boxes.dim(0); }
};

// int32 [photos * each]: 0 `each` times, then 1, ...; made on the device, as a copy would wait for its queue.
Tensor photo_of_rows(int64_t photos, int64_t each, Device);

// int32 rows without the empty ones (-1) where they are at hand, on the CPU; the tensor itself on a GPU.
Tensor packed(const Tensor& rows);

}  // namespace sil
