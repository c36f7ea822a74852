// y = x * a + b per channel (then ReLU): batch norm with given statistics.
#include "cpu/cpu.h"
#include "cpu/dispatch.h"
#include "tensor/threads.h"

namespace sil::cpu {

void channel_affine(Stream, In x, In a, In b, bool relu, Out y) {
  const int64_t channels = x.dim(-1), rows = x.numel() / channels;
  for_float(x.dtype(), [&](auto t) {
    using T = decltype(t);
    using A = Compute<T>;
    const A *factor = a.data<A>(), *offset = b.data<A>();
    parallel_for(rows, 64, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const T* x_row = x.data<T>() + r * channels;
        T* y_row = y.data<T>() + r * channels;
#pragma omp simd
        for (int64_t c = 0; c < channels; ++c) {
          const A v = A(x_row[c]) * factor[c] + offset[c];
          y_row[c] = T(relu && v < 0 ? A(0) : v);
        }
      }
    });
  });
}

}  // namespace sil::cpu
