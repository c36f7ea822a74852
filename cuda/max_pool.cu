// Maximum over windows.  NaN wins, as in torch, and the first of equals.  Backward asks each input which of the windows
// over it chose it, instead of adding to it from each window: no atomics, one order.
// bytes: x once (windows overlap in the cache) and y, index; backward dy and index once and dx.  FLOP: kernel^2 a
// output.
#include <limits>

#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "cuda/vector.h"

namespace sil::SIL_GPU {
namespace {

struct Maps {
  int height, width, rows, columns, channels;  // of x and of y
};

// A thread keeps its pixel of a row of y, and N channels of it.
template <class T, int N>
__global__ void max_pool_kernel(int64_t rows, int64_t columns, const T* x, Maps m, MaxPoolGeom g, T* y,
                                int32_t* index) {
  if (column() >= columns) return;
  const int64_t q = column() * N / m.channels, c = column() * N % m.channels;
  const int64_t left = q * g.stride - g.padding, x0 = left > 0 ? left : 0, x1 = smaller(left + g.kernel, m.width);
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    const T* image = x + int64_t(int(r) / m.rows) * m.height * m.width * m.channels + c;
    const int64_t top = int64_t(int(r) % m.rows) * g.stride - g.padding;
    const int64_t y0 = top > 0 ? top : 0, y1 = smaller(top + g.kernel, m.height);
    Vector<T, N> best;
    Vector<int32_t, N> at;
    for (int k = 0; k < N; ++k)
      best.lane[k] = T(-std::numeric_limits<float>::infinity()), at.lane[k] = int32_t(y0 * m.width + x0);
    for (int64_t iy = y0; iy < y1; ++iy)
      for (int64_t ix = x0; ix < x1; ++ix) {
        const Vector<T, N> v = load_vector<N>(image + (iy * m.width + ix) * m.channels);
        for (int k = 0; k < N; ++k)
          if (const float f = float(v.lane[k]); f > float(best.lane[k]) || f != f)
            best.lane[k] = v.lane[k], at.lane[k] = int32_t(iy * m.width + ix);
      }
    store_vector(y + (r * columns + column()) * N, best);
    store_vector(index + (r * columns + column()) * N, at);
  }
}

// The same of dx.  Windows that hold a pixel begin at most kernel - 1 before it.
template <class T, int N>
__global__ void max_pool_backward_kernel(int64_t rows, int64_t columns, const T* dy, const int32_t* index, Maps m,
                                         MaxPoolGeom g, T* dx) {
  if (column() >= columns) return;
  const int ix = int(column() * N / m.channels);
  const int64_t c = column() * N % m.channels;
  const int64_t q0 = ix + g.padding < g.kernel ? 0 : (ix + g.padding - g.kernel) / g.stride + 1;
  const int64_t q1 = smaller((ix + g.padding) / g.stride + 1, m.columns);
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    const int iy = int(r) % m.height;
    const int64_t image = int64_t(int(r) / m.height) * m.rows * m.columns;
    const int64_t p0 = iy + g.padding < g.kernel ? 0 : (iy + g.padding - g.kernel) / g.stride + 1;
    const int64_t p1 = smaller((iy + g.padding) / g.stride + 1, m.rows);
    float sum[N] = {};
    for (int64_t p = p0; p < p1; ++p)
      for (int64_t q = q0; q < q1; ++q) {
        const int64_t at = (image + p * m.columns + q) * m.channels + c;
        const Vector<int32_t, N> chosen = load_vector<N>(index + at);
        const Vector<T, N> v = load_vector<N>(dy + at);
        for (int k = 0; k < N; ++k)
          if (chosen.lane[k] == int32_t(iy * m.width + ix)) sum[k] += float(v.lane[k]);
      }
    store_vector(dx + (r * columns + column()) * N, rounded<T>(sum));
  }
}

Maps maps(const Tensor& x, const Tensor& y) {
  return {int(x.dim(1)), int(x.dim(2)), int(y.dim(1)), int(y.dim(2)), int(x.dim(3))};
}

}  // namespace

void max_pool(Stream s, In x, Out y, Out index, MaxPoolGeom g) {
  const int64_t rows = y.dim(0) * y.dim(1), row = y.dim(2) * y.dim(3);
  for_float("max_pool", x.dtype(), [&](auto t) {
    using T = decltype(t);
    by_vectors<kVector<int32_t>>(y.dim(3), {x.raw(), y.raw(), index.raw()}, [&](auto width) {
      constexpr int N = decltype(width)::value;
      launch(s, "max_pool", over_rows(rows, row / N), max_pool_kernel<T, N>, rows, row / N, x.data<T>(), maps(x, y), g,
             y.data<T>(), index.data<int32_t>());
    });
  });
}

void max_pool_backward(Stream s, In dy, In index, Out dx, MaxPoolGeom g, Scratch&) {
  const int64_t rows = dx.dim(0) * dx.dim(1), row = dx.dim(2) * dx.dim(3);
  for_float("max_pool_backward", dx.dtype(), [&](auto t) {
    using T = decltype(t);
    by_vectors<kVector<int32_t>>(dx.dim(3), {dy.raw(), index.raw(), dx.raw()}, [&](auto width) {
      constexpr int N = decltype(width)::value;
      launch(s, "max_pool_backward", over_rows(rows, row / N), max_pool_backward_kernel<T, N>, rows, row / N,
             dy.data<T>(), index.data<int32_t>(), maps(dx, dy), g, dx.data<T>());
    });
  });
}

}  // namespace sil::SIL_GPU
