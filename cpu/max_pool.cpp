// Maximum over windows.  NaN wins, as in torch, and the first of equals.
#include <algorithm>
#include <limits>

#include "cpu/cpu.h"
#include "cpu/dispatch.h"
#include "tensor/threads.h"

namespace sil::cpu {
namespace {

// Folds one pixel of x into the maxima of a window, for all channels.
template <class T>
void take_larger(const T* x, int32_t position, int64_t channels, T* y, int32_t* index) {
  using A = Compute<T>;
#pragma omp simd
  for (int64_t c = 0; c < channels; ++c) {
    const A v = A(x[c]);
    const bool larger = v > A(y[c]) || v != v;
    y[c] = larger ? x[c] : y[c];
    index[c] = larger ? position : index[c];
  }
}

// Each block of channels has one owner who walks the outputs in order, so overlapping windows add up in one order.
template <class T, class A>
void scatter(In dy, In index, int64_t pixels, A* dx) {
  constexpr int64_t kBlock = 16;
  const int64_t channels = dy.dim(3), outputs = dy.dim(1) * dy.dim(2), blocks = (channels + kBlock - 1) / kBlock;
  parallel_for(dy.dim(0) * blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const int64_t n = b / blocks, first = b % blocks * kBlock, last = std::min(first + kBlock, channels);
      A* image = dx + n * pixels * channels;
      for (int64_t p = n * outputs; p < (n + 1) * outputs; ++p)
        for (int64_t c = first; c < last; ++c)
          image[index.data<int32_t>()[p * channels + c] * channels + c] += A(dy.data<T>()[p * channels + c]);
    }
  });
}

}  // namespace

void max_pool(Stream, In x, Out y, Out index, MaxPoolGeom g) {
  const int64_t h = x.dim(1), w = x.dim(2), channels = x.dim(3), rows = y.dim(1), columns = y.dim(2);
  for_float(x.dtype(), [&](auto t) {
    using T = decltype(t);
    auto window = [&](int64_t n, int64_t p, int64_t q, T* out, int32_t* at) {
      const int64_t top = p * g.stride - g.padding, left = q * g.stride - g.padding;
      const int64_t y0 = std::max<int64_t>(top, 0), y1 = std::min(top + g.kernel, h);
      const int64_t x0 = std::max<int64_t>(left, 0), x1 = std::min(left + g.kernel, w);
      std::fill_n(out, channels, T(-std::numeric_limits<float>::infinity()));
      std::fill_n(at, channels, int32_t(y0 * w + x0));
      for (int64_t iy = y0; iy < y1; ++iy)
        for (int64_t ix = x0; ix < x1; ++ix)
          take_larger(x.data<T>() + ((n * h + iy) * w + ix) * channels, int32_t(iy * w + ix), channels, out, at);
    };
    parallel_for(x.dim(0) * rows, 1, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        for (int64_t q = 0; q < columns; ++q) {
          const int64_t at = (r * columns + q) * channels;
          window(r / rows, r % rows, q, y.data<T>() + at, index.data<int32_t>() + at);
        }
    });
  });
}

void max_pool_backward(Stream stream, In dy, In index, Out dx, MaxPoolGeom, Scratch& scratch) {
  const int64_t pixels = dx.dim(1) * dx.dim(2);
  if (dx.dtype() != DType::bf16) {
    fill(stream, 0, dx);
    if (dx.dtype() == DType::f64) return scatter<double>(dy, index, pixels, dx.data<double>());
    return scatter<float>(dy, index, pixels, dx.data<float>());
  }
  float* sums = scratch.take_n<float>(size_t(dx.numel()));
  std::fill_n(sums, dx.numel(), 0.f);
  scatter<bfloat16>(dy, index, pixels, sums);
  for (int64_t i = 0; i < dx.numel(); ++i) dx.data<bfloat16>()[i] = bfloat16(sums[i]);
}

}  // namespace sil::cpu
