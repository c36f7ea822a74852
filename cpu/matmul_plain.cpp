#include "cpu/plain.h"
#include "tensor/threads.h"

namespace sil::cpu::plain {

void matmul(int64_t m, int64_t n, int64_t k, const double* a, bool a_transposed, const double* b, bool b_transposed,
            const double* bias, bool relu, double* y) {
  const int64_t a_row = a_transposed ? 1 : k, a_column = a_transposed ? m : 1;
  const int64_t b_row = b_transposed ? 1 : n, b_column = b_transposed ? k : 1;
  parallel_for(m, 1, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      for (int64_t c = 0; c < n; ++c) {
        double sum = bias ? bias[c] : 0;
        for (int64_t j = 0; j < k; ++j) sum += a[r * a_row + j * a_column] * b[j * b_row + c * b_column];
        y[r * n + c] = relu && sum < 0 ? 0 : sum;
      }
  });
}

}  // namespace sil::cpu::plain
