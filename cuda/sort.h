// Rows of values, sorted descending: a bitonic sort (Batcher 1968).  A value and its index are one 64-bit key, so no
// two are equal and any sort is the stable one.  Up to 4,096 keys are sorted in shared memory, by one block; more by a
// launch a pass.  bytes: 8 a key and pass, log2(n) (log2(n) + 1) / 2 passes.
#pragma once
#include "cuda/simt.h"

namespace sil::SIL_GPU {
namespace {

using Key = unsigned long long;
constexpr int64_t kSharedKeys = 4096;

// Larger values first, of equal ones the smaller index; no key is 0.
__device__ inline Key key_of(uint32_t value, int64_t index) { return Key(value) << 32 | uint32_t(~uint32_t(index)); }
__device__ inline int32_t index_of(Key key) { return int32_t(~uint32_t(key)); }

// A row's room: bitonic sorts take powers of two.
inline int64_t padded_keys(int64_t n) {
  int64_t padded = 1;
  while (padded < n) padded *= 2;
  return padded;
}

// Puts the larger of two keys `distance` apart first, or last in every other run of `size`.
__device__ inline void order_pair(Key* keys, int64_t pair, int64_t size, int64_t distance) {
  const int64_t low = pair / distance * 2 * distance + pair % distance, high = low + distance;
  const bool descending = (low & size) == 0;
  if ((keys[low] < keys[high]) == descending) {
    const Key swap = keys[low];
    keys[low] = keys[high], keys[high] = swap;
  }
}

__global__ void sort_shared_kernel(Key* keys, int64_t padded) {
  Key* mine = dynamic_shared<Key>();
  Key* row = keys + blockIdx.x * padded;
  for (int64_t i = threadIdx.x; i < padded; i += blockDim.x) mine[i] = row[i];
  for (int64_t size = 2; size <= padded; size *= 2)
    for (int64_t distance = size / 2; distance > 0; distance /= 2) {
      __syncthreads();
      for (int64_t pair = threadIdx.x; pair < padded / 2; pair += blockDim.x) order_pair(mine, pair, size, distance);
    }
  __syncthreads();
  for (int64_t i = threadIdx.x; i < padded; i += blockDim.x) row[i] = mine[i];
}

__global__ void sort_pass_kernel(Key* keys, int64_t rows, int64_t padded, int64_t size, int64_t distance) {
  const int64_t pairs = padded / 2;
  for (int64_t i = thread_index(); i < rows * pairs; i += thread_count())
    order_pair(keys + i / pairs * padded, i % pairs, size, distance);
}

// keys [R, padded]
void sort_rows(Stream s, Key* keys, int64_t rows, int64_t padded) {
  if (padded <= kSharedKeys) {
    const unsigned threads = unsigned(padded / 2 < kWarp ? kWarp : padded / 2 > 1024 ? 1024 : padded / 2);
    return launch(s, "sort", {dim3(unsigned(rows)), threads, size_t(padded) * sizeof(Key)}, sort_shared_kernel, keys,
                  padded);
  }
  for (int64_t size = 2; size <= padded; size *= 2)
    for (int64_t distance = size / 2; distance > 0; distance /= 2)
      launch(s, "sort_pass", over(rows * padded / 2), sort_pass_kernel, keys, rows, padded, size, distance);
}

}  // namespace
}  // namespace sil::SIL_GPU
