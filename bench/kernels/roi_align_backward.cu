// RoIAlign, backward: the transpose of the forward's reads.
//
// Each element of dy goes, times its weight, to up to 16 pixels of one level of the pyramid.  Many bins of many RoIs
// meet in one pixel, so somebody has to add; and float addition is not associative, so the order decides the bits. What
// must move: dy once (51 MB for 1,024 RoIs, 7 x 7 bins, 256 channels) and the pyramid's gradient once (183 MB), zeros
// included.
//
// 1  Scatter: a thread an element of dy adds its share to each pixel by atomicAdd, as torchvision does.  The gradient
//    is set to zero before, so it is written, then read and written again where RoIs are, 16 times an element; and the
//    order is whichever thread comes first: the same step twice gives different weights.
// 2  Gather: a thread an element of the gradient goes through all RoIs and adds what reads it.  One owner, one order,
//    the same bits every time.  But each of 45 million threads looks at each of 1,024 RoIs, of which a handful matter.
// 3  The library's: a block owns 8 x 8 pixels and 32 channels, lists in shared memory which RoIs of its image and level
//    touch the tile, and walks these in order; the weights of the tile's rows and columns are found once a RoI, not
//    once a pixel and channel.  Deterministic, and everything is written once.
#include "bench/kernels/problem.h"
#include "cuda/dispatch.h"
#include "tensor/geometry.h"

namespace sil::SIL_GPU {
namespace {

struct Gradients {
  float* data[4];
  int height[4], width[4], levels;
  int64_t channels;
};

struct Reads {
  int level;
  RoiAxis<float> y, x;
};

__device__ Reads reads_of(const float* roi, int levels, const RoiAlignGeom& g) {
  const Box<float> box = load_box<float>(roi);
  const int level = roi_level(box, g.finest, levels);
  const float scale = level_scale<float>(g.finest + level);
  return {level, roi_axis(box.y1, box.y2, scale, g.pooled), roi_axis(box.x1, box.x2, scale, g.pooled)};
}

__global__ void scatter(int64_t n, const float* dy, const float* rois, const int32_t* image, RoiAlignGeom g,
                        Gradients d) {
  for (int64_t e = thread_index(); e < n; e += thread_count()) {
    const int64_t c = e % d.channels, bin = e / d.channels, r = bin / g.pooled / g.pooled;
    const Reads roi = reads_of(rois + 4 * r, d.levels, g);
    const int height = d.height[roi.level], width = d.width[roi.level];
    const AxisReads<float> rows(roi.y, int(bin / g.pooled % g.pooled), g.samples, height);
    const AxisReads<float> columns(roi.x, int(bin % g.pooled), g.samples, width);
    const float share = dy[e] / float(g.samples * g.samples);
    for (int a = 0; a < rows.count; ++a)
      for (int b = 0; b < columns.count; ++b) {
        const int64_t at = (int64_t(image[r]) * height + rows.pixel[a]) * width + columns.pixel[b];
        atomicAdd(d.data[roi.level] + at * d.channels + c, rows.weight[a] * columns.weight[b] * share);
      }
  }
}

// The weight of a pixel in a bin, along one axis.
__device__ float weight_in(const RoiAxis<float>& axis, int bin, int samples, int size, int pixel) {
  float sum = 0;
  for (int s = 0; s < samples; ++s) {
    const LinearRead<float> read = roi_read(roi_sample(axis, bin, s, samples), size);
    if (read.i0 == pixel) sum += read.w0;
    if (read.i1 == pixel) sum += read.w1;
  }
  return sum;
}

__global__ void gather(int64_t n, int level, int64_t count, const float* dy, const float* rois, const int32_t* image,
                       RoiAlignGeom g, Gradients d) {
  const int height = d.height[level], width = d.width[level];
  for (int64_t e = thread_index(); e < n; e += thread_count()) {
    const int64_t c = e % d.channels, pixel = e / d.channels;
    const int x = int(pixel % width), y = int(pixel / width % height), photo = int(pixel / width / height);
    float sum = 0;
    for (int64_t r = 0; r < count; ++r) {
      if (image[r] != photo) continue;
      const Reads roi = reads_of(rois + 4 * r, d.levels, g);
      if (roi.level != level) continue;
      for (int i = 0; i < g.pooled; ++i) {
        const float down = weight_in(roi.y, i, g.samples, height, y);
        for (int j = 0; down != 0 && j < g.pooled; ++j) {
          const float across = weight_in(roi.x, j, g.samples, width, x);
          if (across != 0) sum += down * across * dy[((r * g.pooled + i) * g.pooled + j) * d.channels + c];
        }
      }
    }
    d.data[level][e] = sum / float(g.samples * g.samples);
  }
}

}  // namespace

Ladder roi_align_backward_ladder(Device device, LadderSize size) {
  const RoiProblem host = roi_problem(size), p = host.to(device);
  const int64_t count = p.rois.dim(0), pooled = p.geom.pooled;
  const Tensor host_dy = random_floats({count, pooled, pooled, p.pyramid[0].dim(3)}, 7, -1, 1), dy = host_dy.to(device);
  std::vector<Shape> shapes;
  std::vector<Tensor> gradients;
  Gradients d{};
  d.levels = int(p.pyramid.size()), d.channels = dy.dim(3);
  for (size_t l = 0; l < p.pyramid.size(); ++l) {
    const Shape& shape = p.pyramid[l].shape();
    shapes.push_back(shape), gradients.emplace_back(shape, DType::f32, device);
    d.data[l] = gradients[l].data<float>(), d.height[l] = int(shape[1]), d.width[l] = int(shape[2]);
  }
  const float *from = dy.data<float>(), *rois = p.rois.data<float>();
  const int32_t* image = p.image.data<int32_t>();
  const RoiAlignGeom g = p.geom;
  return {.bytes = bytes_of(gradients) + double(dy.bytes()),
          .flop = 32.0 * double(dy.numel()),
          .outputs = gradients,
          .expected = ops::roi_align_backward(host_dy, host.rois, host.image, shapes, host.geom),
          .versions = {{"scatter by atomicAdd, into zeros",
                        [=]() mutable {
                          for (Tensor& t : gradients) device.kernels().fill({}, 0, t);
                          launch({}, "scatter", over(dy.numel()), scatter, dy.numel(), from, rois, image, g, d);
                        }},
                       {"gather: a thread an element of the gradient",
                        [=] {
                          for (int l = 0; l < d.levels; ++l)
                            launch({}, "gather", over(gradients[size_t(l)].numel()), gather,
                                   gradients[size_t(l)].numel(), l, count, from, rois, image, g, d);
                        }},
                       {"the library's: a block a tile, RoIs listed",
                        [=]() mutable {
                          Scratch scratch(device);
                          device.kernels().roi_align_backward({}, dy, p.rois, p.image, gradients, g, scratch);
                        }}},
          .roundings = 64};
}

}  // namespace sil::SIL_GPU
