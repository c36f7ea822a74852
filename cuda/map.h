// y[i] = f(x[i], ...) over tensors of one shape, several elements at a time.
#pragma once
#include <algorithm>

#include "cuda/vector.h"

namespace sil::SIL_GPU {
namespace {

template <class Y, int N, class F, class... X>
__device__ Vector<Y, N> map_lanes(F f, const Vector<X, N>&... x) {
  Vector<Y, N> y;
  for (int k = 0; k < N; ++k) y.lane[k] = f(x.lane[k]...);
  return y;
}

template <int N, class F, class Y, class... X>
__global__ void map_kernel(F f, int64_t vectors, Y* y, const X*... x) {
  for (int64_t i = thread_index(); i < vectors; i += thread_count())
    store_vector(y + i * N, map_lanes<Y, N>(f, load_vector<N>(x + i * N)...));
}

// Of n elements.
template <class F, class Y, class... X>
void map(Stream s, const char* name, int64_t n, F f, Y* y, const X*... x) {
  by_vectors<16 / int(std::max({sizeof(Y), sizeof(X)...}))>(n, {y, x...}, [&](auto width) {
    constexpr int N = decltype(width)::value;
    launch(s, name, over(n / N), map_kernel<N, F, Y, X...>, f, n / N, y, x...);
  });
}

}  // namespace
}  // namespace sil::SIL_GPU
