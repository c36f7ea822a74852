// What the loader gives, and what the model takes.
#pragma once
#include <cstdint>
#include <vector>

#include "data/augmentations.h"
#include "data/rle.h"
#include "tensor/tensor.h"

namespace sil {

// One photo ready for collation.
struct Example {
  Tensor photo;                 // uint8 [h, w, 3], or float32 with values from 0 to 1
  std::array<int, 2> size{};    // height, width that the model sees: where they are not the photo's, it is resized
  Normalize normalize;          // what the model sees of each channel
  std::vector<float> boxes;     // 4 an object, x1 y1 x2 y2, of that size
  std::vector<int32_t> labels;  // one an object
  std::vector<Rle> masks;       // one an object, of that size
  int64_t image_id = 0;
  std::array<int, 2> original{};  // height, width on disk
};

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
  Tensor photos;        // float32 [N, H, W, 3], normalised, zero-padded right and below to a multiple of 32
  Tensor sizes;         // int32 [N, 2]: height, width before padding
  int64_t highest = 0;  // the largest height among them, on the host
  Targets targets;
  std::vector<int64_t> image_ids;
  std::vector<std::array<int, 2>> original;  // height, width of each photo as it is on disk
};

// Normalises and resizes the photos on the device, where they arrive as bytes; pads them to the largest height and
// width, rounded up to a multiple of 32; joins the targets, of any lengths.  On a GPU the objects are filled up to a
// multiple of 64 with empty ones (image and label -1) and their runs to a power of two, so that many batches have one
// shape.
Batch collate(const std::vector<Example>&, Device = Device::cpu());

}  // namespace sil
