// The k largest of each row, sorted: radix selection (select.h), one block a part of a row, then one a row among what
// the parts have selected, then a sort (sort.h).
// bytes: the row up to 5 times (4 digits, and to take), of which all but the first come from the L2 cache; 8 k for each
// part and digit; 8 k for each pass of the sort.
// Ladder: bench/kernels/top_k.cu
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "cuda/select.h"
#include "cuda/sort.h"
#include "tensor/ordered_bits.h"

namespace sil::SIL_GPU {
namespace {

// The k largest of n candidates, in their order, then zeros, which are less than any key: `room` keys in all.  real:
// how many take part, where no more than k do.  value_at(i, value) gives a candidate's ordered bits, or false;
// key_at(i) its key.
template <class ValueAt, class KeyAt>
__device__ void take_largest(int64_t n, int64_t real, int64_t k, ValueAt value_at, KeyAt key_at, int64_t room,
                             Key* out) {
  const int wanted = int(smaller(real, k));
  for (int64_t i = wanted + threadIdx.x; i < room; i += blockDim.x) out[i] = 0;
  const Edge<uint32_t> all{0, wanted};
  const Edge<uint32_t> edge = wanted == real ? all : block_select<uint32_t>(n, wanted, value_at);
  block_take<uint32_t>(n, edge, value_at, [=](int64_t i, int place) { out[place] = key_at(i); });
}

// Some of a row's columns, and how many of them count.
struct Part {
  int64_t begin, n;
};

__device__ inline Part part_of(int64_t columns, int64_t real, int64_t parts, int64_t part) {
  const int64_t length = divide_up(columns, parts), begin = smaller(part * length, real);
  return {begin, smaller(real - begin, length)};
}

// keys [R, parts, room]
template <class T>
__global__ void __launch_bounds__(kSelectThreads) select_kernel(const T* x, int64_t columns, const int32_t* counts,
                                                                int64_t k, int64_t parts, int64_t room, Key* keys) {
  const int64_t r = blockIdx.x / parts, real = counts ? smaller(counts[r], columns) : columns;
  const Part part = part_of(columns, real, parts, blockIdx.x % parts);
  const T* own = x + r * columns + part.begin;
  const auto value_at = [=](int64_t i, uint32_t& value) {
    value = ordered_bits<uint32_t>(float(own[i]));
    return true;
  };
  const auto key_at = [=](int64_t i) { return key_of(ordered_bits<uint32_t>(float(own[i])), part.begin + i); };
  take_largest(part.n, part.n, k, value_at, key_at, room, keys + blockIdx.x * room);
}

// found [R, n] of the parts, in the order of their columns, keys [R, padded].
__global__ void __launch_bounds__(kSelectThreads)
    select_again_kernel(const Key* found, int64_t n, int64_t columns, const int32_t* counts, int64_t k, int64_t padded,
                        Key* keys) {
  const Key* own = found + blockIdx.x * n;
  const int64_t real = counts ? smaller(counts[blockIdx.x], columns) : columns;
  const auto value_at = [=](int64_t i, uint32_t& value) {
    value = uint32_t(own[i] >> 32);
    return own[i] != 0;
  };
  take_largest(
      n, smaller(real, n), k, value_at, [=](int64_t i) { return own[i]; }, padded, keys + blockIdx.x * padded);
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
  const int64_t rows = x.dim(0), columns = x.dim(1), k = values.dim(1), wanted = k < columns ? k : columns;
  if (rows * k == 0) return;
  const int64_t padded = padded_keys(wanted), parts = parts_of(columns, wanted), room = parts > 1 ? wanted : padded;
  const int32_t* real = data_or_null<int32_t>(counts);
  Key* found = scratch.take_n<Key>(size_t(rows * parts * room));
  Key* keys = parts > 1 ? scratch.take_n<Key>(size_t(rows * padded)) : found;
  for_float("top_k", x.dtype(), [&](auto t) {
    using T = decltype(t);
    const T* from = x.data<T>();
    launch(s, "top_k_select", {dim3(unsigned(rows * parts)), kSelectThreads}, select_kernel<T>, from, columns, real,
           wanted, parts, room, found);
    if (parts > 1)
      launch(s, "top_k_select_again", {dim3(unsigned(rows)), kSelectThreads}, select_again_kernel, found, parts * room,
             columns, real, wanted, padded, keys);
    sort_rows(s, keys, rows, padded);
    launch(s, "top_k_emit", over(rows * k), emit_kernel<T>, rows * k, from, columns, keys, padded, real, k,
           values.data<T>(), index.data<int32_t>());
  });
}

}  // namespace sil::SIL_GPU
