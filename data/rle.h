// Run-length encoded masks: COCO's codec, to the bit.  Runs go down the columns, zeros first.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace sil {

struct Rle {
  int64_t height = 0, width = 0;
  // Lengths of runs, zeros first; they sum to height * width.  A run of 2^32 pixels or more is several, with empty runs
  // of the other value between.
  std::vector<uint32_t> counts;

  friend bool operator==(const Rle&, const Rle&) = default;
};

// One part of an outline: x0, y0, x1, y1, ... in pixels, continuous coordinates (pixel i covers [i, i + 1)).
using Polygon = std::vector<double>;

// bits uint8 [height, width], rows from the top; nonzero is inside.
Rle encode(const Tensor& bits);
Rle encode_columns(const uint8_t* bits, int64_t height, int64_t width);  // column-major
Tensor decode(const Rle&);                                               // uint8 [height, width] of 0 and 1
void decode_columns(const Rle&, uint8_t* bits);

uint64_t area(const Rle&);
std::array<double, 4> bounding_box(const Rle&);  // x, y, w, h; all 0 for an empty mask
// Union of masks of one size (intersection on request); pycocotools' merge.
Rle merge(std::span<const Rle>, bool intersect = false);
// area(a and b) / area(a or b); with `crowd`, / area(a).  Masks of different sizes: -1, as pycocotools.
double iou(const Rle& detection, const Rle& truth, bool crowd);
// Boxes x, y, w, h; pycocotools' bbIou.
double iou(const std::array<double, 4>& detection, const std::array<double, 4>& truth, bool crowd);

// pycocotools' rasteriser, its rounding included.  Throws for NaN, coordinates past 1e12 and odd counts of them.
Rle rasterise(const Polygon&, int64_t height, int64_t width);
Rle rasterise(std::span<const Polygon> parts, int64_t height, int64_t width);  // union
Rle rectangle(const std::array<double, 4>& xywh, int64_t height, int64_t width);

// COCO's compressed strings (LEB128 of differences, 6 bits a character).  Errors say at which character; counts that do
// not sum to height * width are errors.
std::string to_string(const Rle&);
Rle from_string(std::string_view, int64_t height, int64_t width);
Rle from_counts(std::span<const int64_t>, int64_t height, int64_t width);  // uncompressed counts, as strictly
// Checks that the counts sum to height * width; throws an Error that says by how much they run over or fall short.
void validate(const Rle&);

// Nearest resampling as torch's interpolate(mode="nearest"): source = min(floor(i * (in / out)), in - 1), the ratio in
// float32.  Equals rasterise-then-nearest without N x H x W pixels.
Rle resize_nearest(const Rle&, int64_t height, int64_t width);
Rle flip_horizontal(const Rle&);
Rle crop_or_pad(const Rle&, int64_t height, int64_t width);  // from the top left corner

}  // namespace sil
