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

// A mask whose runs lie elsewhere, in a buffer of many masks say.  What only reads a mask takes a view; an Rle is one.
struct RleView {
  int64_t height = 0, width = 0;
  std::span<const uint32_t> counts;

  RleView() = default;
  RleView(int64_t h, int64_t w, std::span<const uint32_t> runs) : height(h), width(w), counts(runs) {}
  RleView(const Rle& mask) : RleView(mask.height, mask.width, mask.counts) {}
};

// One part of an outline: x0, y0, x1, y1, ... in pixels, continuous coordinates (pixel i covers [i, i + 1)).
using Polygon = std::vector<double>;

// bits uint8 [height, width], rows from the top; nonzero is inside.
Rle encode(const Tensor& bits);
Rle encode_columns(const uint8_t* bits, int64_t height, int64_t width);  // column-major
Tensor decode(RleView);                                                  // uint8 [height, width] of 0 and 1
void decode_columns(RleView, uint8_t* bits);

uint64_t area(RleView);
std::array<double, 4> bounding_box(RleView);  // x, y, w, h; all 0 for an empty mask

// Area and box in one pass, for masks that are compared more than once.
struct Extent {
  uint64_t area = 0;
  std::array<double, 4> box{};  // as bounding_box
  bool empty_runs = false;      // a run after the first has no pixel
};
Extent extent(RleView);

// Union of masks of one size (intersection on request); pycocotools' merge.
Rle merge(std::span<const Rle>, bool intersect = false);
// area(a and b) / area(a or b); with `crowd`, / area(a).  Masks of different sizes: -1, as pycocotools.
// Of two masks with empty runs at one place pycocotools sees only what comes before; so does this (under 2^32 pixels).
double iou(RleView detection, RleView truth, bool crowd);
// The same, of masks whose extents are known: reads runs only where the boxes meet.
double iou(RleView detection, const Extent&, RleView truth, const Extent&, bool crowd);
// Boxes x, y, w, h; pycocotools' bbIou.
double iou(const std::array<double, 4>& detection, const std::array<double, 4>& truth, bool crowd);

// pycocotools' rasteriser, its rounding included.  Throws for NaN, coordinates past 1e12 and odd counts of them.
Rle rasterise(const Polygon&, int64_t height, int64_t width);
Rle rasterise(std::span<const Polygon> parts, int64_t height, int64_t width);  // union
Rle rectangle(const std::array<double, 4>& xywh, int64_t height, int64_t width);

// Around all corners: x, y, w, h.  There is one corner at least.
std::array<double, 4> bounding_box(std::span<const Polygon> parts);

// COCO's compressed strings (LEB128 of differences, 6 bits a character).  Errors say at which character; counts that do
// not sum to height * width are errors.
std::string to_string(RleView);
Rle from_string(std::string_view, int64_t height, int64_t width);
// Appends the string's runs to `counts`, which may hold other masks' before; as strict.  After an error `counts` is as
// it was.
void append_string(std::string_view, int64_t height, int64_t width, std::vector<uint32_t>& counts);
Rle from_counts(std::span<const int64_t>, int64_t height, int64_t width);  // uncompressed counts, as strictly
// Checks that the counts sum to height * width; throws an Error that says by how much they run over or fall short.
void validate(RleView);

// Nearest resampling as torch's interpolate(mode="nearest"): source = min(floor(i * (in / out)), in - 1), the ratio in
// float32.  Equals rasterise-then-nearest without N x H x W pixels.
Rle resize_nearest(const Rle&, int64_t height, int64_t width);
Rle flip_horizontal(const Rle&);
Rle crop_or_pad(const Rle&, int64_t height, int64_t width);  // from the top left corner

}  // namespace sil
