// y = y + bias (+ skip) (then ReLU): what follows a convolution or a matrix product.
// bytes: y read and written, skip read; FLOP: up to 3 a element.
#include "cuda/dispatch.h"
#include "cuda/gpu.h"

namespace sil::SIL_GPU {
namespace {

template <class T>
__global__ void epilogue_kernel(int64_t n, int64_t channels, const T* bias, const T* skip, bool relu, T* y) {
  for (int64_t i = thread_index(); i < n; i += thread_count()) {
    float v = float(y[i]);
    if (bias) v += float(bias[i % channels]);
    if (skip) v += float(skip[i]);
    y[i] = T(relu && v < 0 ? 0.0f : v);
  }
}

}  // namespace

void epilogue(Stream s, In bias, In skip, bool relu, Out y) {
  if (!bias.defined() && !skip.defined() && !relu) return;
  for_float("epilogue", y.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(s, "epilogue", over(y.numel()), epilogue_kernel<T>, y.numel(), y.dim(-1), data_or_null<T>(bias),
           data_or_null<T>(skip), relu, y.data<T>());
  });
}

}  // namespace sil::SIL_GPU
