// A soft mask goes into the photo as torchvision's paste_masks_in_image puts it there.  A thread owns pixels of the
// photo, column-major as RLE wants them.  bytes: one a pixel is written; the mask (3 kB) stays in the cache.
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

}  // namespace sil::SIL_GPU
