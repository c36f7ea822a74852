// A photo as the model reads it: normalised, resized (torchvision's order), padded with zeros, a thread a pixel.
// bytes: the photo's 3 a pixel and the output's 12 (800 x 1344: 16 MB); FLOP: 33 a pixel.
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "tensor/geometry.h"

namespace sil::SIL_GPU {
namespace {

__device__ inline float value(uint8_t v) { return float(v) / 255.0f; }
__device__ inline float value(float v) { return v; }

template <class S>
__global__ void normalize_photo_kernel(int64_t n, const S* photo, int64_t height, int64_t width, PhotoGeom g,
                                       int64_t columns, float* y) {
  for (int64_t i = thread_index(); i < n; i += thread_count()) {
    const int64_t row = i / columns, column = i % columns;
    const bool inside = row < g.height && column < g.width;
    const LinearRead<float> down = resize_read<float>(inside ? row : 0, int(height), g.height),
                            across = resize_read<float>(inside ? column : 0, int(width), g.width);
    for (int c = 0; c < 3; ++c) {
      const auto along = [&](int r) {
        const auto at = [&](int x) { return (value(photo[3 * (r * width + x) + c]) - g.mean[c]) / g.std[c]; };
        return across.w0 * at(across.i0) + across.w1 * at(across.i1);
      };
      y[3 * i + c] = inside ? down.w0 * along(down.i0) + down.w1 * along(down.i1) : 0.0f;
    }
  }
}

}  // namespace

void normalize_photo(Stream s, In photo, Out y, PhotoGeom g) {
  const auto read_from = [&](const auto* pixels) {
    launch(s, "normalize_photo", over(y.numel() / 3), normalize_photo_kernel<std::decay_t<decltype(*pixels)>>,
           y.numel() / 3, pixels, photo.dim(0), photo.dim(1), g, y.dim(1), y.data<float>());
  };
  photo.dtype() == DType::u8 ? read_from(photo.data<uint8_t>()) : read_from(photo.data<float>());
}

}  // namespace sil::SIL_GPU
