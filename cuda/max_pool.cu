// Maximum over windows.  NaN wins, as in torch, and the first of equals.  Backward asks each input which of the windows
// over it chose it, instead of adding to it from each window: no atomics, one order.
// bytes: x once (windows overlap in the cache) and y, index; backward dy and index once and dx.  FLOP: kernel^2 a
// output.
#include <limits>

#include "cuda/dispatch.h"
#include "cuda/gpu.h"

namespace sil::SIL_GPU {
namespace {

struct Maps {
  int64_t height, width, rows, columns, channels;  // of x and of y
};

template <class T>
__global__ void max_pool_kernel(int64_t n, const T* x, Maps m, MaxPoolGeom g, T* y, int32_t* index) {
  for (int64_t i = thread_index(); i < n; i += thread_count()) {
    const int64_t c = i % m.channels, q = i / m.channels % m.columns, p = i / m.channels / m.columns % m.rows;
    const T* image = x + i / m.channels / m.columns / m.rows * m.height * m.width * m.channels;
    const int64_t top = p * g.stride - g.padding, left = q * g.stride - g.padding;
    const int64_t y0 = top > 0 ? top : 0, x0 = left > 0 ? left : 0;
    T best = T(-std::numeric_limits<float>::infinity());
    int64_t at = y0 * m.width + x0;
    for (int64_t iy = y0; iy < top + g.kernel && iy < m.height; ++iy)
      for (int64_t ix = x0; ix < left + g.kernel && ix < m.width; ++ix) {
        const T v = image[(iy * m.width + ix) * m.channels + c];
        if (float(v) > float(best) || float(v) != float(v)) best = v, at = iy * m.width + ix;
      }
    y[i] = best;
    index[i] = int32_t(at);
  }
}

template <class T>
__global__ void max_pool_backward_kernel(int64_t n, const T* dy, const int32_t* index, Maps m, MaxPoolGeom g, T* dx) {
  for (int64_t i = thread_index(); i < n; i += thread_count()) {
    const int64_t c = i % m.channels, ix = i / m.channels % m.width, iy = i / m.channels / m.width % m.height;
    const int64_t image = i / m.channels / m.width / m.height * m.rows * m.columns;
    // Windows that hold (iy, ix) begin at most kernel - 1 before it.
    const int64_t p0 = iy + g.padding < g.kernel ? 0 : (iy + g.padding - g.kernel) / g.stride + 1;
    const int64_t q0 = ix + g.padding < g.kernel ? 0 : (ix + g.padding - g.kernel) / g.stride + 1;
    float sum = 0;
    for (int64_t p = p0; p < m.rows && p * g.stride - g.padding <= iy; ++p)
      for (int64_t q = q0; q < m.columns && q * g.stride - g.padding <= ix; ++q) {
        const int64_t at = (image + p * m.columns + q) * m.channels + c;
        if (index[at] == int32_t(iy * m.width + ix)) sum += float(dy[at]);
      }
    dx[i] = T(sum);
  }
}

Maps maps(const Tensor& x, const Tensor& y) { return {x.dim(1), x.dim(2), y.dim(1), y.dim(2), x.dim(3)}; }

}  // namespace

void max_pool(Stream s, In x, Out y, Out index, MaxPoolGeom g) {
  for_float("max_pool", x.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(s, "max_pool", over(y.numel()), max_pool_kernel<T>, y.numel(), x.data<T>(), maps(x, y), g, y.data<T>(),
           index.data<int32_t>());
  });
}

void max_pool_backward(Stream s, In dy, In index, Out dx, MaxPoolGeom g, Scratch&) {
  for_float("max_pool_backward", dx.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(s, "max_pool_backward", over(dx.numel()), max_pool_backward_kernel<T>, dx.numel(), dy.data<T>(),
           index.data<int32_t>(), maps(dx, dy), g, dx.data<T>());
  });
}

}  // namespace sil::SIL_GPU
