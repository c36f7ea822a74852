// Nearest-neighbour upsampling: output row i reads source row floor(i * h / H).  Lin et al. 2017, fig. 3.
// bytes: forward the coarse and the fine map once and y, backward dy once and the coarse gradient; FLOP: one a element.
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "cuda/vector.h"

namespace sil::SIL_GPU {
namespace {

struct Maps {
  int h, w, rows, columns, channels;  // of the coarse map and of the fine one
};

// A thread keeps its pixel of a row of y, and N channels of it.
template <class T, int N>
__global__ void upsample_add_kernel(int64_t rows, int64_t columns, const T* coarse, const T* fine, Maps m, T* y) {
  if (column() >= columns) return;
  const int64_t q = column() * N / m.channels, c = column() * N % m.channels;
  const T* from = coarse + q * m.w / m.columns * m.channels + c;
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    const int image = int(r) / m.rows, p = int(r) % m.rows;
    const int64_t source = image * int64_t(m.h) + int64_t(p) * m.h / m.rows, at = (r * columns + column()) * N;
    Vector<T, N> v = load_vector<N>(from + source * m.w * m.channels);
    if (fine) {
      const Vector<T, N> more = load_vector<N>(fine + at);
      for (int k = 0; k < N; ++k) v.lane[k] = T(float(v.lane[k]) + float(more.lane[k]));
    }
    store_vector(y + at, v);
  }
}

// The first output that reads source `i` or a later one.
__device__ inline int64_t first_reader(int64_t i, int64_t out, int64_t in) { return (i * out + in - 1) / in; }

// The same of the coarse gradient.
template <class T, int N>
__global__ void upsample_backward_kernel(int64_t rows, int64_t columns, const T* dy, Maps m, T* dcoarse) {
  if (column() >= columns) return;
  const int64_t x = column() * N / m.channels, c = column() * N % m.channels;
  const int64_t left = first_reader(x, m.columns, m.w), right = first_reader(x + 1, m.columns, m.w);
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    const int image = int(r) / m.h, i = int(r) % m.h;
    const int64_t bottom = first_reader(i + 1, m.rows, m.h);
    float sum[N] = {};
    for (int64_t p = first_reader(i, m.rows, m.h); p < bottom; ++p)
      for (int64_t q = left; q < right; ++q) {
        const Vector<T, N> v = load_vector<N>(dy + ((int64_t(image) * m.rows + p) * m.columns + q) * m.channels + c);
        for (int k = 0; k < N; ++k) sum[k] += float(v.lane[k]);
      }
    store_vector(dcoarse + (r * columns + column()) * N, rounded<T>(sum));
  }
}

Maps maps(const Tensor& coarse, const Tensor& fine) {
  return {int(coarse.dim(1)), int(coarse.dim(2)), int(fine.dim(1)), int(fine.dim(2)), int(fine.dim(3))};
}

}  // namespace

void upsample_add(Stream s, In coarse, In fine, Out y) {
  const int64_t rows = y.dim(0) * y.dim(1), row = y.dim(2) * y.dim(3);
  for_float("upsample_add", y.dtype(), [&](auto t) {
    using T = decltype(t);
    by_vectors<kVector<T>>(y.dim(3), {coarse.raw(), data_or_null<T>(fine), y.raw()}, [&](auto width) {
      constexpr int N = decltype(width)::value;
      launch(s, "upsample_add", over_rows(rows, row / N), upsample_add_kernel<T, N>, rows, row / N, coarse.data<T>(),
             data_or_null<T>(fine), maps(coarse, y), y.data<T>());
    });
  });
}

void upsample_backward(Stream s, In dy, Out dcoarse) {
  const int64_t rows = dcoarse.dim(0) * dcoarse.dim(1), row = dcoarse.dim(2) * dcoarse.dim(3);
  for_float("upsample_backward", dy.dtype(), [&](auto t) {
    using T = decltype(t);
    by_vectors<kVector<T>>(dy.dim(3), {dy.raw(), dcoarse.raw()}, [&](auto width) {
      constexpr int N = decltype(width)::value;
      launch(s, "upsample_backward", over_rows(rows, row / N), upsample_backward_kernel<T, N>, rows, row / N,
             dy.data<T>(), maps(dcoarse, dy), dcoarse.data<T>());
    });
  });
}

}  // namespace sil::SIL_GPU
