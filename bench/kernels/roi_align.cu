// RoIAlign, forward: He et al. 2017, section 3.
//
// Each of R RoIs becomes P x P bins of C channels; a bin is the mean of 2 x 2 bilinear reads, each of four pixels. That
// is 16 pixels a bin and channel, of which most are read by the neighbours too, so they come from the caches: what must
// move is what RoIs touch of the pyramid, once (at most all of it), and the result.  Arithmetic is 32 FLOP an element,
// far too little to matter: for 1,024 RoIs, 7 x 7 bins and 256 channels 0.4 GFLOP beside 51 MB of results and up to 183
// MB of pyramid.  A good kernel is bound by memory, a bad one by instructions and by badly used cache lines.
//
// 1  A thread an element, bins fastest, as torchvision's kernel goes through [R, C, P, P].  Here, with channels
//    innermost, neighbouring threads read pixels that lie C * 4 bytes apart: of every 32 bytes fetched 4 are used, and
//    the result is written the same way.  Each thread finds the RoI's level (a logarithm) and all weights anew.
// 2  Channels fastest.  A warp reads and writes 128 bytes in a row.  The weights are still found by every thread.
// 3  A block a row of bins.  The row's weights along y are found once a thread, those along x once a bin, and a pixel
//    that several reads of a bin share is fetched once: 9 of 16 where a bin is a cell wide or less.
// 4  The library's: a thread makes 16 bytes of channels, so that an address, a weight and an instruction serve four of
//    float32 or eight of bfloat16.
#include <algorithm>

#include "bench/kernels/problem.h"
#include "cuda/dispatch.h"
#include "tensor/geometry.h"

namespace sil::SIL_GPU {
namespace {

struct Maps {
  const float* data[4];
  int height[4], width[4], levels;
  int64_t channels;
};

Maps maps_of(const std::vector<Tensor>& pyramid) {
  Maps m{};
  m.levels = int(pyramid.size()), m.channels = pyramid[0].dim(3);
  for (size_t l = 0; l < pyramid.size(); ++l)
    m.data[l] = pyramid[l].data<float>(), m.height[l] = int(pyramid[l].dim(1)), m.width[l] = int(pyramid[l].dim(2));
  return m;
}

// Bin (i, j) of a RoI, channel c: one read after the other.
__device__ float bin_of(const Maps& m, const float* roi, int image, const RoiAlignGeom& g, int i, int j, int64_t c) {
  const Box<float> box = load_box<float>(roi);
  const int level = roi_level(box, g.finest, m.levels), height = m.height[level], width = m.width[level];
  const float scale = level_scale<float>(g.finest + level);
  const RoiAxis<float> y = roi_axis(box.y1, box.y2, scale, g.pooled), x = roi_axis(box.x1, box.x2, scale, g.pooled);
  const float* map = m.data[level] + int64_t(image) * height * width * m.channels + c;
  float sum = 0;
  for (int a = 0; a < g.samples; ++a)
    for (int b = 0; b < g.samples; ++b) {
      const LinearRead<float> down = roi_read(roi_sample(y, i, a, g.samples), height);
      const LinearRead<float> across = roi_read(roi_sample(x, j, b, g.samples), width);
      const auto at = [&](int row, int column) { return map[(int64_t(row) * width + column) * m.channels]; };
      sum += down.w0 * (across.w0 * at(down.i0, across.i0) + across.w1 * at(down.i0, across.i1)) +
             down.w1 * (across.w0 * at(down.i1, across.i0) + across.w1 * at(down.i1, across.i1));
    }
  return sum / float(g.samples * g.samples);
}

__global__ void bins_fastest(int64_t n, Maps m, const float* rois, const int32_t* image, RoiAlignGeom g, float* y) {
  for (int64_t e = thread_index(); e < n; e += thread_count()) {
    const int j = int(e % g.pooled), i = int(e / g.pooled % g.pooled);
    const int64_t c = e / g.pooled / g.pooled % m.channels, r = e / g.pooled / g.pooled / m.channels;
    y[((r * g.pooled + i) * g.pooled + j) * m.channels + c] = bin_of(m, rois + 4 * r, image[r], g, i, j, c);
  }
}

__global__ void channels_fastest(int64_t n, Maps m, const float* rois, const int32_t* image, RoiAlignGeom g, float* y) {
  for (int64_t e = thread_index(); e < n; e += thread_count()) {
    const int64_t c = e % m.channels, bin = e / m.channels, r = bin / g.pooled / g.pooled;
    y[e] = bin_of(m, rois + 4 * r, image[r], g, int(bin / g.pooled % g.pooled), int(bin % g.pooled), c);
  }
}

__global__ void block_a_row(Maps m, const float* rois, const int32_t* image, RoiAlignGeom g, float* y) {
  const int64_t r = blockIdx.x;
  const int i = int(blockIdx.y);
  const Box<float> box = load_box<float>(rois + 4 * r);
  const int level = roi_level(box, g.finest, m.levels), height = m.height[level], width = m.width[level];
  const float scale = level_scale<float>(g.finest + level), mean = 1.0f / float(g.samples * g.samples);
  const float* map = m.data[level] + int64_t(image[r]) * height * width * m.channels;
  const AxisReads<float> rows(roi_axis(box.y1, box.y2, scale, g.pooled), i, g.samples, height);
  for (int j = 0; j < g.pooled; ++j) {
    const AxisReads<float> columns(roi_axis(box.x1, box.x2, scale, g.pooled), j, g.samples, width);
    for (int64_t c = threadIdx.x; c < m.channels; c += blockDim.x) {
      float sum = 0;
      for (int a = 0; a < rows.count; ++a)
        for (int b = 0; b < columns.count; ++b)
          sum += rows.weight[a] * columns.weight[b] * mean *
                 map[(int64_t(rows.pixel[a]) * width + columns.pixel[b]) * m.channels + c];
      y[((r * g.pooled + i) * g.pooled + j) * m.channels + c] = sum;
    }
  }
}

// What RoIs touch: where a gradient of ones arrives.
double touched_bytes(const RoiProblem& p, const Shape& y) {
  std::vector<Shape> shapes;
  for (const Tensor& level : p.pyramid) shapes.push_back(level.shape());
  double bytes = 0;
  for (const Tensor& t : ops::roi_align_backward(Tensor::full(y, 1), p.rois, p.image, shapes, p.geom))
    bytes += 4.0 * double(t.numel() - std::count(t.data<float>(), t.data<float>() + t.numel(), 0.0f));
  return bytes;
}

}  // namespace

Ladder roi_align_ladder(Device device, LadderSize size) {
  const RoiProblem host = roi_problem(size), p = host.to(device);
  const Tensor expected = ops::roi_align(host.pyramid, host.rois, host.image, host.geom);
  Tensor y(expected.shape(), DType::f32, device);
  const Maps maps = maps_of(p.pyramid);
  const float* rois = p.rois.data<float>();
  const int32_t* image = p.image.data<int32_t>();
  float* out = y.data<float>();
  const int64_t n = y.numel();
  const dim3 rows(unsigned(p.rois.dim(0)), unsigned(p.geom.pooled));
  return {.bytes = touched_bytes(host, y.shape()) + double(y.bytes()),
          .flop = 32.0 * double(n),
          .outputs = {y},
          .expected = {expected},
          .versions = {
              {"a thread an element, bins fastest",
               [=] { launch({}, "bins_fastest", over(n), bins_fastest, n, maps, rois, image, p.geom, out); }},
              {"channels fastest",
               [=] { launch({}, "channels_fastest", over(n), channels_fastest, n, maps, rois, image, p.geom, out); }},
              {"a block a row of bins, each pixel once",
               [=] {
                 launch({}, "block_a_row", {rows, kThreads}, block_a_row, maps, rois, image, p.geom, out);
               }},
              {"the library's: 16 bytes a thread",
               [=]() mutable { device.kernels().roi_align({}, p.pyramid, p.rois, p.image, y, p.geom); }}}};
}

}  // namespace sil::SIL_GPU
