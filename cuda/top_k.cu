// The k largest of each row, sorted: radix selection (select.h), one block a row, then a sort (sort.h) of what was
// selected.  bytes: the row up to 5 times (4 digits, and to take), of which all but the first come from the L2 cache;
// 8 k for each pass of the sort.
// Ladder: bench/kernels/top_k.cu
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "cuda/select.h"
#include "cuda/sort.h"
#include "tensor/ordered_bits.h"

namespace sil::SIL_GPU {
namespace {

constexpr int kSelectThreads = 1024;

// keys [R, padded]: row r's largest k, unsorted, then zeros, which are less than any key.
template <class T>
__global__ void __launch_bounds__(kSelectThreads)
    select_kernel(const T* x, int64_t columns, const int32_t* counts, int64_t k, int64_t padded, Key* keys) {
  const int64_t r = blockIdx.x;
  const T* row = x + r * columns;
  Key* out = keys + r * padded;
  const int64_t n = counts ? smaller(counts[r], columns) : columns;
  const auto key_at = [=](int64_t i, uint32_t& key) {
    key = ordered_bits<uint32_t>(float(row[i]));
    return true;
  };
  for (int64_t i = smaller(n, k) + threadIdx.x; i < padded; i += blockDim.x) out[i] = 0;
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

template <class T>
__global__ void emit_kernel(int64_t n, const T* x, int64_t columns, const Key* keys, int64_t padded,
                            const int32_t* counts, int64_t k, T* values, int32_t* index) {
  for (int64_t i = thread_index(); i < n; i += thread_count()) {
    const int64_t r = i / k, place = i % k, real = counts ? smaller(counts[r], columns) : columns;
    const int32_t from = place < real ? index_of(keys[r * padded + place]) : -1;
    index[i] = from;
    values[i] = from < 0 ? T(0.0f) : x[r * columns + from];
  }
}

}  // namespace

void top_k(Stream s, In x, In counts, Out values, Out index, Scratch& scratch) {
  const int64_t rows = x.dim(0), columns = x.dim(1), k = values.dim(1), padded = padded_keys(k < columns ? k : columns);
  if (rows * k == 0) return;
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
