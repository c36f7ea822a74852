// y = y + bias (+ skip) (then ReLU): what follows a convolution or a matrix product.
// bytes: y read and written, skip read; FLOP: up to 3 a element.
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "cuda/vector.h"

namespace sil::SIL_GPU {
namespace {

template <class T, int N>
__global__ void epilogue_kernel(int64_t rows, int64_t columns, const T* bias, const T* skip, bool relu, T* y) {
  const int64_t c = column();
  if (c >= columns) return;
  Vector<T, N> b{}, more{};
  if (bias) b = load_vector<N>(bias + c * N);
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    const int64_t at = (r * columns + c) * N;
    if (skip) more = load_vector<N>(skip + at);
    Vector<T, N> v = load_vector<N>(y + at);
    for (int k = 0; k < N; ++k) {
      const float sum = float(v.lane[k]) + float(b.lane[k]) + float(more.lane[k]);
      v.lane[k] = T(relu && sum < 0 ? 0.0f : sum);
    }
    store_vector(y + at, v);
  }
}

}  // namespace

void epilogue(Stream s, In bias, In skip, bool relu, Out y) {
  if (!bias.defined() && !skip.defined() && !relu) return;
  const int64_t channels = y.dim(-1), rows = y.shape().numel(0, y.rank() - 1);
  for_float("epilogue", y.dtype(), [&](auto t) {
    using T = decltype(t);
    const T *b = data_or_null<T>(bias), *more = data_or_null<T>(skip);
    by_vectors<kVector<T>>(channels, {b, more, y.raw()}, [&](auto width) {
      constexpr int N = decltype(width)::value;
      launch(s, "epilogue", over_rows(rows, channels / N), epilogue_kernel<T, N>, rows, channels / N, b, more, relu,
             y.data<T>());
    });
  });
}

}  // namespace sil::SIL_GPU
