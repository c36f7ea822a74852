// RoIAlign over all levels of the pyramid, forward and backward in one launch each.  He et al. 2017, section 3; the
// level is Lin et al. 2017, eq. 1.  The arithmetic of reads is tensor/geometry.h's.
//
// Forward: a block owns a row of bins of a RoI; a thread makes 16 bytes of channels of a bin, so a pixel's are read
// together.
//   bytes: y once; of the pyramid what RoIs touch, 16 pixels a bin, from the L2 cache where they overlap.
// Backward, without atomics: a block owns an 8 x 8 tile of a level (counted through all levels) and 32 channels, looks
// which RoIs of its image and level touch it, and walks those in order.  So each sum has one owner and one order: the
// same bits every run, and the CPU's order.  Which RoIs an image has on a level is listed before in two small launches,
// once, not by each tile.
//   bytes: dpyramid once, dy once for each tile that a RoI touches; 28 a RoI for each tile of its image and level.
//   FLOP: 2 for each pair of a pixel and a bin that reads it, and channel.
// Ladders: bench/kernels/roi_align.cu, roi_align_backward.cu
#include <vector>

#include "cuda/block.h"
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "cuda/vector.h"
#include "tensor/geometry.h"

namespace sil::SIL_GPU {
namespace {

constexpr int kMaxLevels = 8, kTile = 8, kChannels = 32;

template <class T>
struct Pyramid {
  T* data[kMaxLevels];
  int height[kMaxLevels], width[kMaxLevels];
  int levels;
  int64_t images, channels;
};

template <class T, class Tensors>
Pyramid<T> pyramid_of(Tensors tensors) {
  check(tensors.size() <= kMaxLevels, "roi_align: {} levels; at most {} expected on a GPU", tensors.size(), kMaxLevels);
  Pyramid<T> p{};
  p.levels = int(tensors.size()), p.images = tensors[0].dim(0), p.channels = tensors[0].dim(3);
  for (size_t l = 0; l < tensors.size(); ++l) {
    p.data[l] = tensors[l].template data<std::remove_const_t<T>>();
    p.height[l] = int(tensors[l].dim(1)), p.width[l] = int(tensors[l].dim(2));
  }
  return p;
}

struct PlacedRoi {
  int level, image;  // image -1: an empty row
  RoiAxis<float> y, x;
};

__device__ inline PlacedRoi place(const float* roi, int image, int levels, const RoiAlignGeom& g) {
  if (image < 0) return {0, -1, {}, {}};
  const Box<float> box = load_box<float>(roi);
  const int level = roi_level(box, g.finest, levels);
  const float scale = level_scale<float>(g.finest + level);
  return {level, image, roi_axis(box.y1, box.y2, scale, g.pooled), roi_axis(box.x1, box.x2, scale, g.pooled)};
}

// A thread makes V channels of a bin.
template <class T, int V>
__global__ void roi_align_kernel(Pyramid<const T> p, const float* rois, const int32_t* image, RoiAlignGeom g, T* y) {
  const int64_t r = blockIdx.x;
  const int i = int(blockIdx.y), groups = int(p.channels / V);
  const PlacedRoi roi = place(rois + 4 * r, image[r], p.levels, g);
  const int height = p.height[roi.level], width = p.width[roi.level];
  const int64_t photo = roi.image < 0 ? 0 : roi.image;
  const T* map = p.data[roi.level] + photo * height * width * p.channels;
  const AxisReads<float> rows(roi.y, i, g.samples, height);
  const float mean = 1.0f / float(g.samples * g.samples);
  for (int k = int(threadIdx.x); k < g.pooled * groups; k += int(blockDim.x)) {
    const int j = k / groups, c = k % groups * V;
    float sum[V] = {};
    if (roi.image >= 0) {
      const AxisReads<float> columns(roi.x, j, g.samples, width);
      for (int a = 0; a < rows.count; ++a)
        for (int b = 0; b < columns.count; ++b) {
          const int64_t at = int64_t(rows.pixel[a]) * width + columns.pixel[b];
          const float weight = rows.weight[a] * columns.weight[b] * mean;
          const Vector<T, V> x = load_vector<V>(map + at * p.channels + c);
          for (int v = 0; v < V; ++v) sum[v] += weight * float(x.lane[v]);
        }
    }
    store_vector(y + ((r * g.pooled + i) * g.pooled + j) * p.channels + c, rounded<T>(sum));
  }
}

__global__ void place_kernel(int64_t n, const float* rois, const int32_t* image, int levels, RoiAlignGeom g,
                             PlacedRoi* placed) {
  for (int64_t r = thread_index(); r < n; r += thread_count()) placed[r] = place(rois + 4 * r, image[r], levels, g);
}

// The RoIs of one image on one level, in order: a block each.  list [images, levels, n], length [images, levels].
__global__ void list_kernel(int64_t n, const PlacedRoi* placed, int32_t* list, int32_t* length) {
  const int level = int(blockIdx.x), image = int(blockIdx.y);
  const int64_t group = int64_t(image) * gridDim.x + level;
  int listed = 0;
  for (int64_t begin = 0; begin < n; begin += blockDim.x) {
    const int64_t r = begin + threadIdx.x;
    const bool mine = r < n && placed[r].image == image && placed[r].level == level;
    int more;
    const int at = listed + block_scan(mine, more);
    if (mine) list[group * n + at] = int32_t(r);
    listed += more;
  }
  if (threadIdx.x == 0) length[group] = listed;
}

// The tile that a block owns: on its level the pixels from (top, left) on.
struct Tile {
  int level, top, left;
};

template <class T>
__host__ __device__ int tiles_of(const Pyramid<T>& p, int level) {
  return int(divide_up(p.height[level], kTile) * divide_up(p.width[level], kTile));
}

template <class T>
__device__ Tile tile_of(const Pyramid<T>& p, int tile) {
  int level = 0;
  for (; tile >= tiles_of(p, level); ++level) tile -= tiles_of(p, level);
  const int across = int(divide_up(p.width[level], kTile));
  return {level, tile / across * kTile, tile % across * kTile};
}

// Whether a RoI reads pixels [first, first + kTile) of an axis: its samples lie within its bins, what they read within
// a pixel of them.
__device__ inline bool touches(const RoiAxis<float>& a, int pooled, int first) {
  return float(first) <= a.begin + a.bin * float(pooled) + 1 && float(first + kTile) >= a.begin - 1;
}

// weight[bin]: of one pixel of an axis in each bin.
__device__ inline void pixel_weights(const RoiAxis<float>& a, int pixel, const RoiAlignGeom& g, int size,
                                     float* weight) {
  for (int bin = 0; bin < g.pooled; ++bin) {
    const AxisReads<float> reads(a, bin, g.samples, size);
    weight[bin] = 0;
    for (int k = 0; k < reads.count; ++k)
      if (reads.pixel[k] == pixel) weight[bin] = reads.weight[k];
  }
}

// A thread owns a channel of the tile's every eighth pixel: threads (32 channels, 8 columns), a sum for each of 8 rows.
template <class T>
__global__ void roi_align_backward_kernel(Pyramid<T> p, int64_t rois, const PlacedRoi* placed, const int32_t* list,
                                          const int32_t* length, RoiAlignGeom g, const T* dy) {
  __shared__ int32_t found[kThreads];
  float* weights = dynamic_shared<float>();  // [2 kTile, pooled]: of the tile's rows, then of its columns
  const int column = int(threadIdx.x) / kChannels;
  const int64_t image = blockIdx.z, c = int64_t(blockIdx.y) * kChannels + threadIdx.x % kChannels;
  const auto [level, top, left] = tile_of(p, int(blockIdx.x));
  const int height = p.height[level], width = p.width[level];
  const float mean = 1.0f / float(g.samples * g.samples);
  const int64_t group = image * p.levels + level;
  const int count = length[group];
  float sum[kTile] = {};
  for (int begin = 0; begin < count; begin += kThreads) {
    const int k = begin + int(threadIdx.x);
    int32_t r = -1;
    bool mine = false;
    if (k < count) {
      r = list[group * rois + k];
      const PlacedRoi roi = placed[r];
      mine = touches(roi.y, g.pooled, top) && touches(roi.x, g.pooled, left);
    }
    int touching;
    const int at = block_scan(mine, touching);
    if (mine) found[at] = r;
    for (int f = 0; f < touching; ++f) {
      __syncthreads();
      const PlacedRoi roi = placed[found[f]];
      if (const int pixel = int(threadIdx.x); pixel < 2 * kTile)
        pixel_weights(pixel < kTile ? roi.y : roi.x, pixel < kTile ? top + pixel : left + pixel - kTile, g,
                      pixel < kTile ? height : width, weights + pixel * g.pooled);
      __syncthreads();
      if (c >= p.channels) continue;
      const T* from = dy + int64_t(found[f]) * g.pooled * g.pooled * p.channels + c;
      for (int row = 0; row < kTile; ++row)
        for (int i = 0; i < g.pooled; ++i) {
          const float wy = weights[row * g.pooled + i];
          if (wy == 0) continue;
          for (int j = 0; j < g.pooled; ++j) {
            const float wx = weights[(kTile + column) * g.pooled + j];
            if (wx != 0) sum[row] += wy * wx * mean * float(from[(i * g.pooled + j) * p.channels]);
          }
        }
    }
  }  // block_scan waits until all have read `found`
  if (c >= p.channels || left + column >= width) return;
  for (int row = 0; row < kTile && top + row < height; ++row)
    p.data[level][((image * height + top + row) * width + left + column) * p.channels + c] = T(sum[row]);
}

}  // namespace

void roi_align(Stream s, InList pyramid, In rois, In image, Out y, RoiAlignGeom g) {
  if (y.numel() == 0) return;
  for_float("roi_align", y.dtype(), [&](auto t) {
    using T = decltype(t);
    std::vector<const void*> addresses{y.raw()};
    for (const Tensor& level : pyramid) addresses.push_back(level.raw());
    by_vectors<kVector<T>>(y.dim(3), addresses, [&](auto width) {
      constexpr int V = decltype(width)::value;
      const int64_t items = g.pooled * y.dim(3) / V;
      const unsigned threads = items < kThreads ? unsigned(divide_up(items, kWarp) * kWarp) : kThreads;
      launch(s, "roi_align", {dim3(unsigned(y.dim(0)), unsigned(g.pooled)), threads}, roi_align_kernel<T, V>,
             pyramid_of<const T>(pyramid), boxes_of("roi_align", rois), image.data<int32_t>(), g, y.data<T>());
    });
  });
}

void roi_align_backward(Stream s, In dy, In rois, In image, OutList dpyramid, RoiAlignGeom g, Scratch& scratch) {
  const int64_t count = rois.dim(0);
  PlacedRoi* placed = scratch.take_n<PlacedRoi>(size_t(count));
  launch(s, "roi_align_place", over(count), place_kernel, count, boxes_of("roi_align_backward", rois),
         image.data<int32_t>(), int(dpyramid.size()), g, placed);
  const size_t levels = dpyramid.size(), groups = levels * size_t(dpyramid[0].dim(0));
  int32_t* list = scratch.take_n<int32_t>(groups * size_t(count));
  int32_t* length = scratch.take_n<int32_t>(groups);
  launch(s, "roi_align_list", {dim3(unsigned(levels), unsigned(dpyramid[0].dim(0))), kThreads}, list_kernel, count,
         placed, list, length);
  for_float("roi_align_backward", dy.dtype(), [&](auto t) {
    using T = decltype(t);
    const Pyramid<T> p = pyramid_of<T>(dpyramid);
    int tiles = 0;
    for (int level = 0; level < p.levels; ++level) tiles += tiles_of(p, level);
    const dim3 blocks(unsigned(tiles), unsigned(divide_up(p.channels, kChannels)), unsigned(p.images));
    launch(s, "roi_align_backward", {blocks, kThreads, size_t(2 * kTile * g.pooled) * sizeof(float)},
           roi_align_backward_kernel<T>, p, count, placed, list, length, g, dy.data<T>());
  });
}

}  // namespace sil::SIL_GPU
