// What the loader gives the model.
#pragma once
#include <cstdint>
#include <vector>

#include "data/rle.h"
#include "tensor/tensor.h"

namespace sil {

// The objects of a batch, those of one photo together, photos in order.  G objects in all, in input coordinates.
struct Targets {
  Tensor boxes;      // float32 [G, 4], x1 y1 x2 y2
  Tensor labels;     // int32 [G], 1..K-1: output of the model
  Tensor image;      // int32 [G]: which photo of the batch
  Tensor run_ends;   // int32: the masks as column-major runs, cumulative from 0 in each object, zeros first
  Tensor run_begin;  // int32 [G + 1]: where each object's runs begin in run_ends
  Tensor size;       // int32 [G, 2]: height, width of each mask: its photo's unpadded size

  int64_t count() const { return boxes.defined() ? boxes.dim(0) : 0; }
};

struct Batch {
  // All of it there.  On a GPU the objects are filled up to a multiple of 64 with empty ones (image and label -1) and
  // their runs to a power of two, so that many batches have one shape.
  Batch to(Device) const;

  Tensor photos;        // float32 [N, H, W, 3], normalised, zero-padded right and below to a multiple of 32
  Tensor sizes;         // int32 [N, 2]: height, width before padding
  int64_t highest = 0;  // the largest height among them, on the host
  Targets targets;
  std::vector<int64_t> image_ids;
  std::vector<std::array<int, 2>> original;  // height, width of each photo as it is on disk
};

// One photo ready for collation.
struct Example {
  Tensor photo;                 // float32 [H, W, 3], normalised
  std::vector<float> boxes;     // 4 an object, x1 y1 x2 y2
  std::vector<int32_t> labels;  // one an object
  std::vector<Rle> masks;       // one an object, of the photo's size
  int64_t image_id = 0;
  std::array<int, 2> original{};  // height, width on disk
};

// Pads to the largest height and width, rounded up to a multiple of 32, and joins the targets, of any lengths.
Batch collate(const std::vector<Example>&);

}  // namespace sil
