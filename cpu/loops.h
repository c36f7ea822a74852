// Loops that the kernels of this folder share: parallel, vectorised, and with the same sums for any number of threads.
#pragma once
#include <algorithm>
#include <cstdint>

#include "tensor/arena.h"
#include "tensor/threads.h"

namespace sil::cpu {

constexpr int64_t kGrain = 1 << 15;  // elements that are worth a thread

// Calls f(i) for all i < n in any order.  -O2 alone would not vectorise a loop of unknown length.
template <class F>
void each(int64_t n, F f) {
  parallel_for(n, kGrain, [f](int64_t begin, int64_t end) {
    const F g = f;
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) g(i);
  });
}

// The sum over [0, n) of f(begin, end), which sums a range: ranges are fixed, so the result does not depend on the
// number of threads.
template <class F>
double ordered_sum(int64_t n, int64_t range, Scratch& scratch, F f) {
  const int64_t parts = (n + range - 1) / range;
  double* partial = scratch.take_n<double>(size_t(parts));
  parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) partial[p] = f(p * range, std::min(n, (p + 1) * range));
  });
  double sum = 0;
  for (int64_t p = 0; p < parts; ++p) sum += partial[p];
  return sum;
}

}  // namespace sil::cpu
