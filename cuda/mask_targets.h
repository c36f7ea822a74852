// What a mask head should answer: RoIAlign of a ground-truth mask (He et al. 2017, section 3.1), read from its runs.  A
// thread makes an element of a target: it goes down the columns that it reads, run by run.
// Steps: a pixel of the bin each, some 900 for an object of 800 x 800 pixels at M = 28: 128 RoIs are 0.1 G steps.
#pragma once
#include <cmath>

#include "cuda/simt.h"
#include "tensor/geometry.h"

namespace sil::SIL_GPU {
namespace {

// MaskRuns on the device.
struct Masks {
  const int32_t *ends, *begin, *size;
};

inline Masks masks_of(const MaskRuns& m) {
  return {m.ends.data<int32_t>(), m.begin.data<int32_t>(), m.size.data<int32_t>()};
}

// A mask as column-major runs: run k ends at ends[k]; odd runs are ones.
struct Runs {
  const int32_t* ends;
  int count, height, width;

  // The run that pixel `at` lies in, `count` behind the last.
  __device__ int run_of(int64_t at) const {
    int low = 0, high = count;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (ends[middle] <= at)
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }
};

// Reads per bin: about one a pixel (sampling_ratio = -1).  0 for a RoI of no sensible size.
__device__ inline int adaptive_samples(const RoiAxis<float>& axis) {
  return axis.bin < float(1 << 20) ? int(std::ceil(axis.bin)) : 0;
}

// Calls visit(pixel, weight) for the pixels that a bin reads along one axis, each once, ascending: reads are a pixel
// apart or less, so neighbours share pixels.
template <class Visit>
__device__ void each_pixel(const RoiAxis<float>& axis, int bin, int samples, int size, Visit visit) {
  int at = 0;
  float here = 0, next = 0;  // what pixels `at` and at + 1 weigh
  for (int k = 0; k < samples; ++k) {
    const LinearRead<float> read = roi_read(roi_sample(axis, bin, k, samples), size);
    if (read.w0 == 0 && read.w1 == 0) continue;
    if (read.i0 != at) {
      const bool neighbour = read.i0 == at + 1;
      if (here != 0) visit(at, here);
      if (next != 0 && !neighbour) visit(at + 1, next);
      at = read.i0, here = neighbour ? next : 0, next = 0;
    }
    here += read.w0, next += read.w1;
  }
  if (here != 0) visit(at, here);
  if (next != 0) visit(at + 1, next);
}

// The sum of what bin i reads of column x.
__device__ inline float column_sum(const Runs& mask, int x, const RoiAxis<float>& axis, int i, int samples) {
  const int64_t column = int64_t(x) * mask.height;
  int run = -1;
  float sum = 0;
  each_pixel(axis, i, samples, mask.height, [&](int y, float weight) {
    if (run < 0) run = mask.run_of(column + y);
    while (run < mask.count && mask.ends[run] <= column + y) ++run;
    if (run < mask.count && run % 2 == 1) sum += weight;
  });
  return sum;
}

// Element (i, j) of the target [side, side] of an object in a RoI; a negative object has no mask: 0.
__device__ inline float mask_target(const Masks& masks, int32_t object, const Box<float>& roi, int side, int i, int j) {
  if (object < 0) return 0;
  const int32_t begin = masks.begin[object], end = masks.begin[object + 1];
  const Runs mask{masks.ends + begin, end - begin, masks.size[2 * object], masks.size[2 * object + 1]};
  const RoiAxis<float> y = roi_axis(roi.y1, roi.y2, 1.0f, side), x = roi_axis(roi.x1, roi.x2, 1.0f, side);
  const int samples_y = adaptive_samples(y), samples_x = adaptive_samples(x);
  float sum = 0;
  each_pixel(x, j, samples_x, mask.width,
             [&](int column, float weight) { sum += weight * column_sum(mask, column, y, i, samples_y); });
  const float reads = float(samples_y) * float(samples_x);  // may be more than an int holds
  return sum / (reads > 1 ? reads : 1);
}

}  // namespace
}  // namespace sil::SIL_GPU
