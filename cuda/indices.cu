// Arithmetic on rows' numbers, where a negative one is none.  bytes: at most 12 a number.
#include "cuda/gpu.h"
#include "cuda/simt.h"

namespace sil::SIL_GPU {
namespace {

__global__ void arange_kernel(int64_t n, int32_t* y) {
  for (int64_t m = thread_index(); m < n; m += thread_count()) y[m] = int32_t(m);
}

__global__ void lookup_kernel(int64_t n, const int32_t* table, const int32_t* index, int32_t* y) {
  for (int64_t m = thread_index(); m < n; m += thread_count()) y[m] = index[m] < 0 ? -1 : table[index[m]];
}

__global__ void join_index_kernel(int64_t n, const int32_t* outer, const int32_t* inner, int64_t extent, int32_t* y) {
  for (int64_t m = thread_index(); m < n; m += thread_count())
    y[m] = outer[m] < 0 || inner[m] < 0 ? -1 : int32_t(outer[m] * extent + inner[m]);
}

__global__ void split_index_kernel(int64_t n, const int32_t* index, int64_t extent, int32_t* outer, int32_t* inner) {
  for (int64_t m = thread_index(); m < n; m += thread_count()) {
    const int32_t i = index[m];
    outer[m] = i < 0 ? -1 : int32_t(i / extent);
    inner[m] = i < 0 ? -1 : int32_t(i % extent);
  }
}

__global__ void increment_kernel(int64_t* counter) { ++*counter; }

}  // namespace

void arange(Stream s, Out y) { launch(s, "arange", over(y.numel()), arange_kernel, y.numel(), y.data<int32_t>()); }

void lookup(Stream s, In table, In index, Out y) {
  launch(s, "lookup", over(y.numel()), lookup_kernel, y.numel(), table.data<int32_t>(), index.data<int32_t>(),
         y.data<int32_t>());
}

void join_index(Stream s, In outer, In inner, int64_t extent, Out y) {
  launch(s, "join_index", over(y.numel()), join_index_kernel, y.numel(), outer.data<int32_t>(), inner.data<int32_t>(),
         extent, y.data<int32_t>());
}

void split_index(Stream s, In index, int64_t extent, Out outer, Out inner) {
  launch(s, "split_index", over(index.numel()), split_index_kernel, index.numel(), index.data<int32_t>(), extent,
         outer.data<int32_t>(), inner.data<int32_t>());
}

void increment(Stream s, Out counter) { launch(s, "increment", {1, 1}, increment_kernel, counter.data<int64_t>()); }

}  // namespace sil::SIL_GPU
