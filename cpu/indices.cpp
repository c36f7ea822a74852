// Arithmetic on rows' numbers, where a negative one is none.
#include <numeric>

#include "cpu/cpu.h"

namespace sil::cpu {

void arange(Stream, Out y) { std::iota(y.data<int32_t>(), y.data<int32_t>() + y.numel(), 0); }

void lookup(Stream, In table, In index, Out y) {
  const int32_t *from = table.data<int32_t>(), *i = index.data<int32_t>();
  int32_t* out = y.data<int32_t>();
  for (int64_t m = 0; m < index.numel(); ++m) out[m] = i[m] < 0 ? -1 : from[i[m]];
}

void join_index(Stream, In outer, In inner, int64_t extent, Out y) {
  const int32_t *a = outer.data<int32_t>(), *b = inner.data<int32_t>();
  int32_t* out = y.data<int32_t>();
  for (int64_t m = 0; m < outer.numel(); ++m) out[m] = a[m] < 0 || b[m] < 0 ? -1 : int32_t(a[m] * extent + b[m]);
}

void split_index(Stream, In index, int64_t extent, Out outer, Out inner) {
  const int32_t* i = index.data<int32_t>();
  int32_t *a = outer.data<int32_t>(), *b = inner.data<int32_t>();
  for (int64_t m = 0; m < index.numel(); ++m)
    a[m] = i[m] < 0 ? -1 : int32_t(i[m] / extent), b[m] = i[m] < 0 ? -1 : int32_t(i[m] % extent);
}

void increment(Stream, Out counter) { ++*counter.data<int64_t>(); }

}  // namespace sil::cpu
