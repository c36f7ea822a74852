// Rows of values, sorted descending: a bitonic sort (Batcher 1968).  A value and its index are one 64-bit key (key.h).
// Passes whose keys lie in one stretch of 4,096 are a launch together, in shared memory: 16,384 keys are 105 passes and
// 6 launches.  bytes: 16 a key and launch; steps: n / 2 a pass, of which there are log2(n) (log2(n) + 1) / 2.
#pragma once
#include "cuda/key.h"
#include "cuda/simt.h"

namespace sil::SIL_GPU {
namespace {

constexpr int64_t kSharedKeys = 4096;
constexpr int kSortThreads = 1024;  // of a block, at most

// A row's room: bitonic sorts take powers of two.
inline int64_t padded_keys(int64_t n) {
  int64_t padded = 1;
  while (padded < n) padded *= 2;
  return padded;
}

// Puts the larger of two keys `distance` apart first, or last in every other run of `size`.  The keys begin at place
// `begin` of their row.
__device__ inline void order_pair(Key* keys, int64_t begin, int64_t pair, int64_t size, int64_t distance) {
  const int64_t low = pair / distance * 2 * distance + pair % distance, high = low + distance;
  const bool descending = ((begin + low) & size) == 0;
  if ((keys[low] < keys[high]) == descending) {
    const Key swap = keys[low];
    keys[low] = keys[high], keys[high] = swap;
  }
}

// A block a stretch of a row: runs of `first` keys, of twice as many, ..., of `last`, as far as what is compared lies
// in one stretch.
__global__ void __launch_bounds__(kSortThreads)
    sort_stretch_kernel(Key* keys, int64_t padded, int64_t stretch, int64_t first, int64_t last) {
  Key* mine = dynamic_shared<Key>();
  Key* own = keys + blockIdx.x * stretch;
  const int64_t begin = blockIdx.x * stretch % padded;
  for (int64_t i = threadIdx.x; i < stretch; i += blockDim.x) mine[i] = own[i];
  for (int64_t size = first; size <= last; size *= 2)
    for (int64_t distance = (size < stretch ? size : stretch) / 2; distance > 0; distance /= 2) {
      __syncthreads();
      for (int64_t pair = threadIdx.x; pair < stretch / 2; pair += blockDim.x)
        order_pair(mine, begin, pair, size, distance);
    }
  __syncthreads();
  for (int64_t i = threadIdx.x; i < stretch; i += blockDim.x) own[i] = mine[i];
}

__global__ void sort_pass_kernel(Key* keys, int64_t rows, int64_t padded, int64_t size, int64_t distance) {
  const int64_t pairs = padded / 2;
  for (int64_t i = thread_index(); i < rows * pairs; i += thread_count())
    order_pair(keys + i / pairs * padded, 0, i % pairs, size, distance);
}

// keys [R, padded]
void sort_rows(Stream s, Key* keys, int64_t rows, int64_t padded) {
  const int64_t stretch = padded < kSharedKeys ? padded : kSharedKeys;
  const unsigned threads = unsigned(stretch / 2 < kWarp          ? kWarp
                                    : stretch / 2 > kSortThreads ? kSortThreads
                                                                 : stretch / 2);
  const Grid stretches{dim3(unsigned(rows * padded / stretch)), threads, size_t(stretch) * sizeof(Key)};
  launch(s, "sort_stretch", stretches, sort_stretch_kernel, keys, padded, stretch, 2, stretch);
  for (int64_t size = 2 * stretch; size <= padded; size *= 2) {
    for (int64_t distance = size / 2; distance >= stretch; distance /= 2)
      launch(s, "sort_pass", over(rows * padded / 2), sort_pass_kernel, keys, rows, padded, size, distance);
    launch(s, "sort_stretch", stretches, sort_stretch_kernel, keys, padded, stretch, size, size);
  }
}

}  // namespace
}  // namespace sil::SIL_GPU
