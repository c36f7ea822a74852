// RoIAlign, He et al. 2017, section 3.  A bin is a mean of bilinear reads; reads and their weights are products of an
// axis y and an axis x, and neighbouring samples share pixels, so a bin's distinct pixels are gathered once per axis.
#include <algorithm>
#include <type_traits>
#include <vector>

#include "cpu/cpu.h"
#include "cpu/dispatch.h"
#include "tensor/geometry.h"
#include "tensor/threads.h"

namespace sil::cpu {
namespace {

// Where a row's RoI lies in the pyramid.
template <class A>
struct PlacedRoi {
  int level, height, width;
  int64_t first, channels;  // element of the level where the image begins
  RoiAxis<A> y, x;

  PlacedRoi(InList pyramid, In rois, int64_t r, int64_t image, const RoiAlignGeom& g) {
    const Box<A> box =
        rois.dtype() == DType::f64 ? load_box<A>(rois.data<double>() + 4 * r) : load_box<A>(rois.data<float>() + 4 * r);
    level = roi_level(box, g.finest, int(pyramid.size()));
    const A scale = level_scale<A>(g.finest + level);
    y = roi_axis(box.y1, box.y2, scale, g.pooled);
    x = roi_axis(box.x1, box.x2, scale, g.pooled);
    const Tensor& map = pyramid[size_t(level)];
    height = int(map.dim(1)), width = int(map.dim(2)), channels = map.dim(3);
    first = image * height * width * channels;
  }

  // Calls f(element of the level where a pixel's channels begin, weight) for every pixel of bin (i, j).
  template <class F>
  void for_reads(int i, int j, int samples, F f) const {
    const AxisReads<A> rows(y, i, samples, height), columns(x, j, samples, width);
    const A mean = A(1) / A(samples * samples);
    for (int a = 0; a < rows.count; ++a)
      for (int b = 0; b < columns.count; ++b)
        f(first + (int64_t(rows.pixel[a]) * width + columns.pixel[b]) * channels,
          rows.weight[a] * columns.weight[b] * mean);
  }
};

template <class T>
void roi_align_typed(InList pyramid, In rois, In image, Out y, RoiAlignGeom g) {
  using A = Compute<T>;
  constexpr int64_t kBlock = 256;  // channels whose sums stay in the first-level cache
  const int64_t channels = y.dim(3), bins = int64_t(g.pooled) * g.pooled;
  const int32_t* whose = image.data<int32_t>();
  T* out = y.data<T>();

  parallel_for(y.dim(0) * bins, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t r = i / bins, bin = i % bins;
      T* to = out + i * channels;
      if (whose[r] < 0) {
        std::fill_n(to, channels, T(0));
        continue;
      }
      const PlacedRoi<A> roi(pyramid, rois, r, whose[r], g);
      const T* from = pyramid[size_t(roi.level)].data<T>();
      for (int64_t c = 0; c < channels; c += kBlock) {
        const int64_t n = std::min(kBlock, channels - c);
        A sum[kBlock] = {};
        roi.for_reads(int(bin / g.pooled), int(bin % g.pooled), g.samples, [&](int64_t at, A weight) {
          const T* pixel = from + at + c;
#pragma omp simd
          for (int64_t k = 0; k < n; ++k) sum[k] += weight * A(pixel[k]);
        });
        for (int64_t k = 0; k < n; ++k) to[c + k] = T(sum[k]);
      }
    }
  });
}

// The adjoint: what a bin reads gets the bin's gradient by the same weights.  A thread owns a block of channels of an
// image and walks the image's RoIs in their order, so each sum has one owner and one order: the same bits for any
// number of threads.
template <class T, class A>
void spread_gradient(In dy, In rois, In image, OutList dpyramid, std::span<A* const> dx, RoiAlignGeom g) {
  constexpr int64_t kBlock = 32;  // channels: whole cache lines
  const int64_t channels = dy.dim(3), blocks = (channels + kBlock - 1) / kBlock, bins = int64_t(g.pooled) * g.pooled;
  const int32_t* whose = image.data<int32_t>();

  parallel_for(dpyramid[0].dim(0) * blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t n = unit / blocks, c = unit % blocks * kBlock, width = std::min(kBlock, channels - c);
      for (int64_t r = 0; r < dy.dim(0); ++r) {
        if (whose[r] != n) continue;
        const PlacedRoi<A> roi(dpyramid, rois, r, n, g);
        for (int64_t bin = 0; bin < bins; ++bin) {
          const T* from = dy.data<T>() + (r * bins + bin) * channels + c;
          roi.for_reads(int(bin / g.pooled), int(bin % g.pooled), g.samples, [&](int64_t at, A weight) {
            A* pixel = dx[size_t(roi.level)] + at + c;
#pragma omp simd
            for (int64_t k = 0; k < width; ++k) pixel[k] += weight * A(from[k]);
          });
        }
      }
    }
  });
}

}  // namespace

void roi_align(Stream, InList pyramid, In rois, In image, Out y, RoiAlignGeom g) {
  for_float(y.dtype(), [&](auto t) { roi_align_typed<decltype(t)>(pyramid, rois, image, y, g); });
}

void roi_align_backward(Stream, In dy, In rois, In image, OutList dpyramid, RoiAlignGeom g, Scratch& scratch) {
  for_float(dy.dtype(), [&](auto t) {
    using T = decltype(t);
    using A = Compute<T>;
    constexpr bool direct = std::is_same_v<T, A>;  // bfloat16 is summed in float32 beside and rounded once
    std::vector<A*> sums;
    for (Tensor& level : dpyramid) {
      if constexpr (direct)
        sums.push_back(level.data<A>());
      else
        sums.push_back(scratch.take_n<A>(size_t(level.numel())));
      parallel_for(level.numel(), 1 << 16,
                   [p = sums.back()](int64_t begin, int64_t end) { std::fill(p + begin, p + end, A(0)); });
    }
    spread_gradient<T, A>(dy, rois, image, dpyramid, sums, g);
    if constexpr (!direct)
      for (size_t l = 0; l < sums.size(); ++l)
        parallel_for(dpyramid[l].numel(), 1 << 16,
                     [p = sums[l], to = dpyramid[l].data<T>()](int64_t begin, int64_t end) {
                       for (int64_t i = begin; i < end; ++i) to[i] = T(p[i]);
                     });
  });
}

}  // namespace sil::cpu
