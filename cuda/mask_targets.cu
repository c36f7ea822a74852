// What a mask head should answer: RoIAlign of a ground-truth mask (He et al. 2017, section 3.1), read from its runs.  A
// thread owns an element of a target and goes down the columns that it reads, run by run.
// bytes: 4 an element are written; runs come from the L2 cache.  Steps: 4 samples_y samples_x an element, some 3,400
// for an object of 800 pixels at M = 28: 128 RoIs are 0.3 G steps.
#include <cmath>

#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "tensor/geometry.h"

namespace sil::SIL_GPU {
namespace {

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

__global__ void mask_targets_kernel(int64_t n, int side, const float* rois, const int32_t* object,
                                    const int32_t* run_ends, const int32_t* run_begin, const int32_t* size,
                                    float* targets) {
  for (int64_t e = thread_index(); e < n; e += thread_count()) {
    const int j = int(e % side), i = int(e / side % side);
    const int64_t r = e / side / side, g = object[r];
    if (g < 0) {
      targets[e] = 0;
      continue;
    }
    const Runs mask{run_ends + run_begin[g], run_begin[g + 1] - run_begin[g], size[2 * g], size[2 * g + 1]};
    const Box<float> roi = load_box<float>(rois + 4 * r);
    const RoiAxis<float> y = roi_axis(roi.y1, roi.y2, 1.0f, side), x = roi_axis(roi.x1, roi.x2, 1.0f, side);
    const int samples_y = adaptive_samples(y), samples_x = adaptive_samples(x);
    float sum = 0;
    for (int k = 0; k < samples_x; ++k) {
      const LinearRead<float> read = roi_read(roi_sample(x, j, k, samples_x), mask.width);
      if (read.w0 != 0) sum += read.w0 * column_sum(mask, read.i0, y, i, samples_y);
      if (read.w1 != 0) sum += read.w1 * column_sum(mask, read.i1, y, i, samples_y);
    }
    const int reads = samples_y * samples_x;
    targets[e] = sum / float(reads > 1 ? reads : 1);
  }
}

}  // namespace

void mask_targets(Stream s, In rois, In object, In run_ends, In run_begin, In size, Out targets, Scratch&) {
  launch(s, "mask_targets", over(targets.numel()), mask_targets_kernel, targets.numel(), int(targets.dim(1)),
         boxes_of("mask_targets", rois), object.data<int32_t>(), run_ends.data<int32_t>(), run_begin.data<int32_t>(),
         size.data<int32_t>(), targets.data<float>());
}

}  // namespace sil::SIL_GPU
