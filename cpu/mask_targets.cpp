// What a mask head should answer: RoIAlign of a ground-truth mask (He et al. 2017, section 3.1), read from its runs.
// Only the columns that a RoI reads are decoded, one at a time.
#include <algorithm>
#include <cmath>

#include "cpu/cpu.h"
#include "tensor/geometry.h"
#include "tensor/threads.h"

namespace sil::cpu {
namespace {

// A mask as column-major runs: run k ends at ends[k]; odd runs are ones.
struct Runs {
  const int32_t* ends;
  int64_t count;
  int height, width;

  // Rows [top, bottom) of column x as 0 or 1.
  void column(int x, int top, int bottom, float* out) const {
    int64_t at = int64_t(x) * height + top;
    const int64_t stop = int64_t(x) * height + bottom;
    for (int64_t k = std::upper_bound(ends, ends + count, at) - ends; at < stop; ++k) {
      const int64_t end = k < count ? std::min<int64_t>(ends[k], stop) : stop;
      out = std::fill_n(out, end - at, float(k < count && k % 2 == 1));
      at = end;
    }
  }
};

// A bin along one axis: the sum of its reads is weight[0] * pixel[begin] + weight[1] * pixel[begin + 1] + ...
struct BinReads {
  int begin = 0, count = 0;
  float* weight;

  BinReads(const RoiAxis<float>& axis, int bin, int samples, int size, float* room) : weight(room) {
    for (int i = 0; i < samples; ++i) {
      const LinearRead<float> read = roi_read(roi_sample(axis, bin, i, samples), size);
      if (read.w0 == 0 && read.w1 == 0) continue;
      if (count == 0) begin = read.i0;
      while (begin + count <= read.i1) weight[count++] = 0;
      weight[read.i0 - begin] += read.w0;
      weight[read.i1 - begin] += read.w1;
    }
  }
  int end() const { return begin + count; }
};

// Reads per bin: about one a pixel (sampling_ratio = -1).  0 for a RoI of no sensible size.
int adaptive_samples(const RoiAxis<float>& axis) { return axis.bin < float(1 << 20) ? int(std::ceil(axis.bin)) : 0; }

// Floats that the weights of all bins along an axis of `size` pixels take at most: neighbours share two pixels.
int64_t bin_room(int64_t size, int64_t side) { return size + 4 * side; }

void one_target(const Runs& mask, const Box<float>& roi, int side, float* room, BinReads* rows, float* target) {
  const RoiAxis<float> y = roi_axis(roi.y1, roi.y2, 1.0f, side), x = roi_axis(roi.x1, roi.x2, 1.0f, side);
  const int samples_y = adaptive_samples(y), samples_x = adaptive_samples(x);
  std::fill_n(target, side * side, 0.0f);

  int top = mask.height, bottom = 0;
  for (int i = 0; i < side; ++i) {
    rows[i] = BinReads(y, i, samples_y, mask.height, room);
    room += rows[i].count;
    if (rows[i].count) top = std::min(top, rows[i].begin), bottom = std::max(bottom, rows[i].end());
  }
  float *column = room, *profile = column + mask.height, *weights = profile + side;
  for (int j = 0; j < side && top < bottom; ++j) {
    const BinReads columns(x, j, samples_x, mask.width, weights);
    for (int k = 0; k < columns.count; ++k) {
      mask.column(columns.begin + k, top, bottom, column);
      for (int i = 0; i < side; ++i) {
        float sum = 0;
        for (int p = 0; p < rows[i].count; ++p) sum += rows[i].weight[p] * column[rows[i].begin + p - top];
        profile[i] = sum;
      }
      for (int i = 0; i < side; ++i) target[i * side + j] += columns.weight[k] * profile[i];
    }
  }
  const float reads = float(std::max(1, samples_y * samples_x));
  for (int i = 0; i < side * side; ++i) target[i] /= reads;
}

}  // namespace

void mask_targets(Stream, In rois, In object, In run_ends, In run_begin, In size, Out targets, Scratch& scratch) {
  const int64_t rows = targets.dim(0);
  const int side = int(targets.dim(1));
  const int32_t *whose = object.data<int32_t>(), *ends = run_ends.data<int32_t>(), *begin = run_begin.data<int32_t>();
  const int32_t* extent = size.data<int32_t>();
  int64_t height = 0, width = 0;
  for (int64_t g = 0; g < size.dim(0); ++g)
    height = std::max<int64_t>(height, extent[2 * g]), width = std::max<int64_t>(width, extent[2 * g + 1]);

  const int64_t workers = threads(), room = bin_room(height, side) + height + side + bin_room(width, side);
  float* all_room = scratch.take_n<float>(size_t(workers * room));
  BinReads* all_bins = scratch.take_n<BinReads>(size_t(workers * side));
  parallel_for(workers, 1, [&](int64_t first, int64_t last) {
    for (int64_t w = first; w < last; ++w)
      for (int64_t r = rows * w / workers; r < rows * (w + 1) / workers; ++r) {
        float* target = targets.data<float>() + r * side * side;
        const int64_t g = whose[r];
        if (g < 0) {
          std::fill_n(target, side * side, 0.0f);
          continue;
        }
        const Runs mask{ends + begin[g], begin[g + 1] - begin[g], extent[2 * g], extent[2 * g + 1]};
        const auto roi = rois.dtype() == DType::f64 ? load_box<float>(rois.data<double>() + 4 * r)
                                                    : load_box<float>(rois.data<float>() + 4 * r);
        one_target(mask, roi, side, all_room + w * room, all_bins + w * side, target);
      }
  });
}

}  // namespace sil::cpu
