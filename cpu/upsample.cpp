// Nearest-neighbour upsampling: output row i reads source row floor(i * h / H).  Lin et al. 2017, fig. 3.
#include <algorithm>

#include "cpu/cpu.h"
#include "cpu/dispatch.h"
#include "tensor/threads.h"

namespace sil::cpu {
namespace {

template <class T>
void add_pixel(const T* coarse, const T* fine, int64_t channels, T* y) {
  using A = Compute<T>;
#pragma omp simd
  for (int64_t c = 0; c < channels; ++c) put(y[c], A(coarse[c]) + A(fine[c]));
}

// The first output that reads source `i` or a later one.
int64_t first_reader(int64_t i, int64_t out, int64_t in) { return (i * out + in - 1) / in; }

}  // namespace

void upsample_add(Stream, In coarse, In fine, Out y) {
  const int64_t h = coarse.dim(1), w = coarse.dim(2), rows = y.dim(1), columns = y.dim(2), channels = y.dim(3);
  for_float(y.dtype(), [&](auto t) {
    using T = decltype(t);
    parallel_for(y.dim(0) * rows, 1, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        for (int64_t q = 0; q < columns; ++q) {
          const int64_t source = (r / rows * h + r % rows * h / rows) * w + q * w / columns;
          const int64_t at = (r * columns + q) * channels;
          const T* from = coarse.data<T>() + source * channels;
          if (fine.defined())
            add_pixel(from, fine.data<T>() + at, channels, y.data<T>() + at);
          else
            std::copy_n(from, channels, y.data<T>() + at);
        }
    });
  });
}

void upsample_backward(Stream, In dy, Out dcoarse) {
  const int64_t h = dcoarse.dim(1), w = dcoarse.dim(2), rows = dy.dim(1), columns = dy.dim(2), channels = dy.dim(3);
  for_float(dy.dtype(), [&](auto t) {
    using T = decltype(t);
    using A = Compute<T>;
    // Channels go by blocks whose sums stay in registers.
    auto pixel = [&](int64_t n, int64_t i, int64_t j, T* out) {
      constexpr int64_t kBlock = 64;
      const int64_t q0 = first_reader(j, columns, w), q1 = first_reader(j + 1, columns, w);
      for (int64_t first = 0; first < channels; first += kBlock) {
        const int64_t count = std::min(kBlock, channels - first);
        A sum[kBlock] = {};
        for (int64_t p = first_reader(i, rows, h); p < first_reader(i + 1, rows, h); ++p)
          for (int64_t q = q0; q < q1; ++q) {
            const T* d = dy.data<T>() + ((n * rows + p) * columns + q) * channels + first;
#pragma omp simd
            for (int64_t c = 0; c < count; ++c) sum[c] += A(d[c]);
          }
#pragma omp simd
        for (int64_t c = 0; c < count; ++c) put(out[first + c], sum[c]);
      }
    };
    parallel_for(dcoarse.dim(0) * h, 1, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        for (int64_t j = 0; j < w; ++j) pixel(r / h, r % h, j, dcoarse.data<T>() + (r * w + j) * channels);
    });
  });
}

}  // namespace sil::cpu
