// What a mask head should answer: RoIAlign of a ground-truth mask (He et al. 2017, section 3.1), read from its runs.  A
// thread makes an element of a target: it goes down the columns that it reads, run by run.
// Steps: 4 samples_y samples_x an element, some 3,400 for an object of 800 pixels at M = 28: 128 RoIs are 0.3 G steps.
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

// Reads column x downward: rows must not go back by more than one.
struct ColumnReader {
  const Runs& mask;
  int64_t column;
  int run;

  __device__ ColumnReader(const Runs& m, int x, int y)
      : mask(m), column(int64_t(x) * m.height), run(m.run_of(column + y)) {}

  __device__ float at(int y) {
    const int64_t pixel = column + y;
    while (run > 0 && mask.ends[run - 1] > pixel) --run;
    while (run < mask.count && mask.ends[run] <= pixel) ++run;
    return float(run < mask.count && run % 2 == 1);
  }
};

// Reads per bin: about one a pixel (sampling_ratio = -1).  0 for a RoI of no sensible size.
__device__ inline int adaptive_samples(const RoiAxis<float>& axis) {
  return axis.bin < float(1 << 20) ? int(std::ceil(axis.bin)) : 0;
}

// The sum of one column's reads in bin i.
__device__ inline float column_sum(const Runs& mask, int x, const RoiAxis<float>& axis, int i, int samples) {
  const LinearRead<float> first = roi_read(roi_sample(axis, i, 0, samples), mask.height);
  ColumnReader reader(mask, x, first.i0);
  float sum = 0;
  for (int k = 0; k < samples; ++k) {
    const LinearRead<float> read = roi_read(roi_sample(axis, i, k, samples), mask.height);
    if (read.w0 != 0) sum += read.w0 * reader.at(read.i0);
    if (read.w1 != 0) sum += read.w1 * reader.at(read.i1);
  }
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
  for (int k = 0; k < samples_x; ++k) {
    const LinearRead<float> read = roi_read(roi_sample(x, j, k, samples_x), mask.width);
    if (read.w0 != 0) sum += read.w0 * column_sum(mask, read.i0, y, i, samples_y);
    if (read.w1 != 0) sum += read.w1 * column_sum(mask, read.i1, y, i, samples_y);
  }
  const int reads = samples_y * samples_x;
  return sum / float(reads > 1 ? reads : 1);
}

}  // namespace
}  // namespace sil::SIL_GPU
