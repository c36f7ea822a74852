// The k largest of each row, sorted: radix selection (select.h), one block a row, then a bitonic sort (Batcher 1968) of
// what was selected.  A value and its index are one 64-bit key, so no two are equal and any sort is the stable one.
// bytes: the row 6 times (4 digits, twice to take), of which all but the first come from the L2 cache; 8 k for each
// pass of the sort.  Up to 4,096 keys are sorted in shared memory, by one block; more by a launch a pass.
// Ladder: bench/kernels/top_k.cu
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "cuda/select.h"
#include "tensor/ordered_bits.h"

namespace sil::SIL_GPU {
namespace {

using Key = unsigned long long;
constexpr int kSelectThreads = 1024;
constexpr int64_t kSharedKeys = 4096;

__device__ inline Key key_of(uint32_t value, int64_t index) { return Key(value) << 32 | uint32_t(~uint32_t(index)); }
__device__ inline int32_t index_of(Key key) { return int32_t(~uint32_t(key)); }

// keys [R, padded]: row r's largest k, unsorted, then zeros, which are less than any key.
template <class T>
__global__ void select_kernel(const T* x, int64_t columns, const int32_t* counts, int64_t k, int64_t padded,
                              Key* keys) {
  const int64_t r = blockIdx.x;
  const T* row = x + r * columns;
  Key* out = keys + r * padded;
  const int64_t n = counts && counts[r] < columns ? counts[r] : columns;
  const auto key_at = [=](int64_t i, uint32_t& key) {
    key = ordered_bits<uint32_t>(float(row[i]));
    return true;
  };
  const int64_t found = n < k ? n : k;
  for (int64_t i = found + threadIdx.x; i < padded; i += blockDim.x) out[i] = 0;
  if (n <= k) {
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) {
      uint32_t key;
      key_at(i, key);
      out[i] = key_of(key, i);
    }
    return;
  }
  const Edge<uint32_t> edge = block_select<uint32_t>(n, int(k), key_at);
  block_take<uint32_t>(n, edge, key_at, [=](int64_t i, int place) {
    uint32_t key;
    key_at(i, key);
    out[place] = key_of(key, i);
  });
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

template <class T>
__global__ void emit_kernel(int64_t n, const T* x, int64_t columns, const Key* keys, int64_t padded,
                            const int32_t* counts, int64_t k, T* values, int32_t* index) {
  for (int64_t i = thread_index(); i < n; i += thread_count()) {
    const int64_t r = i / k, place = i % k, real = counts && counts[r] < columns ? counts[r] : columns;
    const int32_t from = place < real ? index_of(keys[r * padded + place]) : -1;
    index[i] = from;
    values[i] = from < 0 ? T(0.0f) : x[r * columns + from];
  }
}

void sort_rows(Stream s, Key* keys, int64_t rows, int64_t padded) {
  if (padded <= kSharedKeys) {
    const unsigned threads = unsigned(padded / 2 < kWarp ? kWarp : padded / 2 > 1024 ? 1024 : padded / 2);
    return launch(s, "top_k_sort", {dim3(unsigned(rows)), threads, size_t(padded) * sizeof(Key)}, sort_shared_kernel,
                  keys, padded);
  }
  for (int64_t size = 2; size <= padded; size *= 2)
    for (int64_t distance = size / 2; distance > 0; distance /= 2)
      launch(s, "top_k_sort_pass", over(rows * padded / 2), sort_pass_kernel, keys, rows, padded, size, distance);
}

}  // namespace

void top_k(Stream s, In x, In counts, Out values, Out index, Scratch& scratch) {
  const int64_t rows = x.dim(0), columns = x.dim(1), k = values.dim(1);
  if (rows * k == 0) return;
  int64_t padded = 1;
  while (padded < (k < columns ? k : columns)) padded *= 2;
  const int32_t* real = data_or_null<int32_t>(counts);
  Key* keys = scratch.take_n<Key>(size_t(rows * padded));
  for_float("top_k", x.dtype(), [&](auto t) {
    using T = decltype(t);
    const T* from = x.data<T>();
    launch(s, "top_k_select", {dim3(unsigned(rows)), kSelectThreads}, select_kernel<T>, from, columns, real,
           k < columns ? k : columns, padded, keys);
    sort_rows(s, keys, rows, padded);
    launch(s, "top_k_emit", over(rows * k), emit_kernel<T>, rows * k, from, columns, keys, padded, real, k,
           values.data<T>(), index.data<int32_t>());
  });
}

}  // namespace sil::SIL_GPU
