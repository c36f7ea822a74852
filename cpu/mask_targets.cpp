// What a mask head should answer: RoIAlign of a ground-truth mask (He et al. 2017, section 3.1), read from its runs.
// Only the columns that a RoI reads are decoded, one at a time.
#include "cpu/mask_targets.h"

#include <algorithm>
#include <cmath>

#include "cpu/dispatch.h"
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
  template <class T>
  void column(int x, int top, int bottom, T* out) const {
    int64_t at = int64_t(x) * height + top;
    const int64_t stop = int64_t(x) * height + bottom;
    for (int64_t k = std::upper_bound(ends, ends + count, at) - ends; at < stop; ++k) {
      const int64_t end = k < count ? std::min<int64_t>(ends[k], stop) : stop;
      out = std::fill_n(out, end - at, T(k < count && k % 2 == 1));
      at = end;
    }
  }
};

// A bin along one axis: the sum of its reads is weight[0] * pixel[begin] + weight[1] * pixel[begin + 1] + ...
template <class T>
struct BinReads {
  int begin = 0, count = 0;
  T* weight;

  BinReads(const RoiAxis<T>& axis, int bin, int samples, int size, T* room) : weight(room) {
    for (int i = 0; i < samples; ++i) {
      const LinearRead<T> read = roi_read(roi_sample(axis, bin, i, samples), size);
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
template <class T>
int adaptive_samples(const RoiAxis<T>& axis) {
  return axis.bin < T(1 << 20) ? int(std::ceil(axis.bin)) : 0;
}

// Values that the weights of all bins along an axis of `size` pixels take at most: neighbours share two pixels.
int64_t bin_room(int64_t size, int64_t side) { return size + 4 * side; }

template <class T>
void one_target(const Runs& mask, const Box<T>& roi, int side, T* room, BinReads<T>* rows, T* target) {
  const RoiAxis<T> y = roi_axis(roi.y1, roi.y2, T(1), side), x = roi_axis(roi.x1, roi.x2, T(1), side);
  const int samples_y = adaptive_samples(y), samples_x = adaptive_samples(x);
  std::fill_n(target, side * side, T(0));

  int top = mask.height, bottom = 0;
  for (int i = 0; i < side; ++i) {
    rows[i] = BinReads<T>(y, i, samples_y, mask.height, room);
    room += rows[i].count;
    if (rows[i].count) top = std::min(top, rows[i].begin), bottom = std::max(bottom, rows[i].end());
  }
  T *column = room, *profile = column + mask.height, *weights = profile + side;
  for (int j = 0; j < side && top < bottom; ++j) {
    const BinReads<T> columns(x, j, samples_x, mask.width, weights);
    for (int k = 0; k < columns.count; ++k) {
      mask.column(columns.begin + k, top, bottom, column);
      for (int i = 0; i < side; ++i) {
        T sum = 0;
        for (int p = 0; p < rows[i].count; ++p) sum += rows[i].weight[p] * column[rows[i].begin + p - top];
        profile[i] = sum;
      }
      for (int i = 0; i < side; ++i) target[i * side + j] += columns.weight[k] * profile[i];
    }
  }
  const T reads = std::max(T(1), T(samples_y) * T(samples_x));  // may be more than an int holds
  for (int i = 0; i < side * side; ++i) target[i] /= reads;
}

template <class T>
void all_targets(In rois, In object, const MaskRuns& masks, Out targets, Scratch& scratch) {
  const int64_t rows = targets.dim(0);
  const int side = int(targets.dim(1));
  const int32_t *whose = object.data<int32_t>(), *extent = masks.size.data<int32_t>();
  const int32_t *ends = masks.ends.data<int32_t>(), *begin = masks.begin.data<int32_t>();
  int64_t height = 0, width = 0;
  for (int64_t g = 0; g < masks.size.dim(0); ++g)
    height = std::max<int64_t>(height, extent[2 * g]), width = std::max<int64_t>(width, extent[2 * g + 1]);

  const int64_t workers = threads(), room = bin_room(height, side) + height + side + bin_room(width, side);
  T* all_room = scratch.take_n<T>(size_t(workers * room));
  BinReads<T>* all_bins = scratch.take_n<BinReads<T>>(size_t(workers * side));
  parallel_for(workers, 1, [&](int64_t first, int64_t last) {
    for (int64_t w = first; w < last; ++w)
      for (int64_t r = rows * w / workers; r < rows * (w + 1) / workers; ++r) {
        T* target = targets.data<T>() + r * side * side;
        const int64_t g = whose[r];
        if (g < 0) {
          std::fill_n(target, side * side, T(0));
          continue;
        }
        const Runs mask{ends + begin[g], begin[g + 1] - begin[g], extent[2 * g], extent[2 * g + 1]};
        one_target(mask, load_box<T>(rois.data<T>() + 4 * r), side, all_room + w * room, all_bins + w * side, target);
      }
  });
}

}  // namespace

void mask_targets(In rois, In object, const MaskRuns& masks, Out targets, Scratch& scratch) {
  for_boxes(rois.dtype(), [&](auto t) { all_targets<decltype(t)>(rois, object, masks, targets, scratch); });
}

}  // namespace sil::cpu
