// Nearest-neighbour upsampling: output row i reads source row floor(i * h / H).  Lin et al. 2017, fig. 3.
// bytes: forward the coarse and the fine map once and y, backward dy once and the coarse gradient; FLOP: one a element.
#include "cuda/dispatch.h"
#include "cuda/gpu.h"

namespace sil::SIL_GPU {
namespace {

struct Maps {
  int64_t h, w, rows, columns, channels;  // of the coarse map and of the fine one
};

template <class T>
__global__ void upsample_add_kernel(int64_t n, const T* coarse, const T* fine, Maps m, T* y) {
  for (int64_t i = thread_index(); i < n; i += thread_count()) {
    const int64_t c = i % m.channels, q = i / m.channels % m.columns, row = i / m.channels / m.columns;
    const int64_t source = row / m.rows * m.h + row % m.rows * m.h / m.rows;
    const T v = coarse[(source * m.w + q * m.w / m.columns) * m.channels + c];
    y[i] = fine ? T(float(v) + float(fine[i])) : v;
  }
}

// The first output that reads source `i` or a later one.
__device__ inline int64_t first_reader(int64_t i, int64_t out, int64_t in) { return (i * out + in - 1) / in; }

template <class T>
__global__ void upsample_backward_kernel(int64_t n, const T* dy, Maps m, T* dcoarse) {
  for (int64_t i = thread_index(); i < n; i += thread_count()) {
    const int64_t c = i % m.channels, x = i / m.channels % m.w, y = i / m.channels / m.w % m.h;
    const int64_t image = i / m.channels / m.w / m.h;
    float sum = 0;
    for (int64_t p = first_reader(y, m.rows, m.h); p < first_reader(y + 1, m.rows, m.h); ++p)
      for (int64_t q = first_reader(x, m.columns, m.w); q < first_reader(x + 1, m.columns, m.w); ++q)
        sum += float(dy[((image * m.rows + p) * m.columns + q) * m.channels + c]);
    dcoarse[i] = T(sum);
  }
}

Maps maps(const Tensor& coarse, const Tensor& fine) {
  return {coarse.dim(1), coarse.dim(2), fine.dim(1), fine.dim(2), fine.dim(3)};
}

}  // namespace

void upsample_add(Stream s, In coarse, In fine, Out y) {
  for_float("upsample_add", y.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(s, "upsample_add", over(y.numel()), upsample_add_kernel<T>, y.numel(), coarse.data<T>(),
           data_or_null<T>(fine), maps(coarse, y), y.data<T>());
  });
}

void upsample_backward(Stream s, In dy, Out dcoarse) {
  for_float("upsample_backward", dy.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(s, "upsample_backward", over(dcoarse.numel()), upsample_backward_kernel<T>, dcoarse.numel(), dy.data<T>(),
           maps(dcoarse, dy), dcoarse.data<T>());
  });
}

}  // namespace sil::SIL_GPU
