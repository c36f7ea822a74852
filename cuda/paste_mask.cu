// A soft mask goes into the photo as torchvision's paste_masks_in_image puts it there.  A thread owns pixels of the
// photo, column-major as RLE wants them.  bytes: one a pixel is written; the mask (3 kB) stays in the cache.
//
// To runs: a block a mask.  Only where the mask may change it goes through the photo, column by column, a warp 256
// pixels at a time: a vote gives the bits of 32, a shift those of the pixels before, their difference where runs end; a
// sum over the block says which run each is.  bytes: 4 a run.  FLOP: some 30 a pixel of the window.
// Ladder: bench/kernels/paste.cu
#include "cuda/block.h"
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "tensor/geometry.h"

namespace sil::SIL_GPU {
namespace {

__device__ inline float pasted(const float* mask, int side, const PasteWindow& w, int64_t y, int64_t x) {
  if (y < w.y || y >= w.y + w.height || x < w.x || x >= w.x + w.width) return 0;
  const auto at = [=](int i, int j) {
    const bool inside = i >= 1 && i <= side && j >= 1 && j <= side;
    return inside ? mask[(i - 1) * side + j - 1] : 0.0f;
  };
  const LinearRead<float> across = resize_read<float>(x - w.x, side + 2, w.width);
  const LinearRead<float> down = resize_read<float>(y - w.y, side + 2, w.height);
  const auto profile = [&](int i) { return across.w0 * at(i, across.i0) + across.w1 * at(i, across.i1); };
  return down.w0 * profile(down.i0) + down.w1 * profile(down.i1);
}

__device__ inline void store(float v, float, float* out) { *out = v; }
__device__ inline void store(float v, float threshold, uint8_t* out) { *out = uint8_t(v >= threshold); }

template <class T>
__global__ void paste_kernel(int64_t n, int64_t height, const float* mask, int side, const float* box, float threshold,
                             T* out) {
  const PasteWindow window = paste_window(load_box<float>(box), side);
  for (int64_t i = thread_index(); i < n; i += thread_count())
    store(pasted(mask, side, window, i % height, i / height), threshold, out + i);
}

constexpr int kPasteThreads = 1024, kWords = 8;

__global__ void __launch_bounds__(kPasteThreads)
    paste_runs_kernel(const float* masks, int side, const float* boxes, const int32_t* size, float threshold,
                      int64_t capacity, int32_t* ends, int32_t* count) {
  const int64_t d = blockIdx.x, height = size[2 * d], width = size[2 * d + 1];
  const float* mask = masks + d * side * side;
  int32_t* out = ends + d * capacity;
  const PasteWindow window = paste_window(load_box<float>(boxes + 4 * d), side);
  const PasteWalk walk = paste_walk(window, height, width, threshold);
  const int64_t rows = walk.bottom - walk.top, n = (walk.right - walk.left) * rows;
  // Before the walk's first pixel there is 0; behind its last nothing changes.
  const auto inside = [&](int64_t i) {
    if (i < 0) return false;
    const unsigned at = unsigned(smaller(i, n - 1)), column = at / unsigned(rows), row = at % unsigned(rows);
    return pasted(mask, side, window, walk.top + row, walk.left + column) >= threshold;
  };
  const unsigned lane = threadIdx.x % kWarp, before_lane = (1u << lane) - 1;
  int runs = 0;
  for (int64_t begin = 0; begin < n; begin += int64_t(blockDim.x) * kWords) {
    const int64_t first = begin + int64_t(threadIdx.x / kWarp) * kWarp * kWords;
    unsigned before = inside(first - 1),
             mine = 0;  // lane w keeps word w: where the bit is not that of the pixel before
    for (unsigned w = 0; w < kWords; ++w) {
      const unsigned word = __ballot_sync(kAllLanes, inside(first + w * kWarp + lane));
      if (lane == w) mine = word ^ (word << 1 | before);
      before = word >> (kWarp - 1);
    }
    int found;
    const int rank = runs + block_scan(__popc(mine), found);
    for (unsigned w = 0; w < kWords; ++w) {
      const unsigned changes = __shfl_sync(kAllLanes, mine, int(w));
      const int at = __shfl_sync(kAllLanes, rank, int(w)) + __popc(changes & before_lane);
      const int64_t i = first + w * kWarp + lane;
      if ((changes >> lane & 1) && at < capacity)
        out[at] = int32_t((walk.left + i / rows) * height + walk.top + i % rows);
    }
    runs += found;
  }
  if (threadIdx.x != 0) return;
  if (runs < capacity) out[runs] = int32_t(height * width);
  count[d] = runs + 1;
}

}  // namespace

void paste_mask(Stream s, In mask, In box, float threshold, Out bits) {
  const int64_t n = bits.numel(), height = bits.dim(1);
  const int side = int(mask.dim(0));
  if (bits.dtype() == DType::f32)
    launch(s, "paste_mask", over(n), paste_kernel<float>, n, height, mask.data<float>(), side, box.data<float>(),
           threshold, bits.data<float>());
  else
    launch(s, "paste_mask", over(n), paste_kernel<uint8_t>, n, height, mask.data<float>(), side, box.data<float>(),
           threshold, bits.data<uint8_t>());
}

void paste_runs(Stream s, In masks, In boxes, In size, float threshold, Out ends, Out count, Scratch&) {
  launch(s, "paste_runs", {dim3(unsigned(masks.dim(0))), kPasteThreads}, paste_runs_kernel, masks.data<float>(),
         int(masks.dim(1)), boxes.data<float>(), size.data<int32_t>(), threshold, ends.dim(1), ends.data<int32_t>(),
         count.data<int32_t>());
}

}  // namespace sil::SIL_GPU
