// The k largest of n integer keys, by one block: radix selection.  Eight bits at a time, from the highest: count how
// many keys with the digits found so far have each next digit, and take the digit that the k-th largest has, until all
// keys with those digits are wanted.  bytes: the keys are read at most once for each 8 bits of them; of n random ones
// some log(n) / log(256) + 1 times.
// A block takes as many keys a step as it has threads, and the steps are what a long row costs.  So it is cut into
// parts, a block each, and the k largest of the parts' k largest are those of the row.
#pragma once
#include <cmath>

#include "cuda/block.h"

namespace sil::SIL_GPU {
namespace {

constexpr int kSelectThreads = 1024;

// The parts of a row of n keys whose k largest are wanted: as many as leave as much to select from as a part has.  A
// row of few steps is one.
inline int64_t parts_of(int64_t n, int64_t k) {
  return n < 8 * kSelectThreads || n < 16 * k ? 1 : int64_t(std::sqrt(double(n) / double(k < 1 ? 1 : k)));
}

// Keys above `key` are among the k largest, and the first `equal` of those that equal it.  It may be smaller than the
// k-th.
template <class Key>
struct Edge {
  Key key;
  int equal;
};

// The digit of the k-th largest of keys whose digits are counted, and how many of those that have it are wanted.
struct Digit {
  int value, wanted;
  bool all;
};

// By a block's first warp: a lane sums eight digits, from the highest, and the one that finds k among them looks where.
__device__ inline void choose_digit(const int* count, int k, Digit& chosen) {
  const int highest = 255 - 8 * int(threadIdx.x);
  int sum = 0;
  for (int d = highest; d > highest - 8; --d) sum += count[d];
  const int through = warp_scan(sum);
  k -= through - sum;
  if (k <= 0 || k > sum) return;
  int d = highest;
  while (count[d] < k) k -= count[d--];
  chosen = {d, k, count[d] == k};
}

// key_at(i, key) gives key i, or false if i takes no part; at least k >= 1 must.
template <class Key, class KeyAt>
__device__ Edge<Key> block_select(int64_t n, int k, KeyAt key_at) {
  __shared__ int count[256];
  __shared__ Digit chosen;
  Key prefix = 0;
  bool done = false;
  for (int shift = 8 * int(sizeof(Key)) - 8; shift >= 0 && !done; shift -= 8) {
    for (int d = int(threadIdx.x); d < 256; d += int(blockDim.x)) count[d] = 0;
    __syncthreads();
    const Key above = shift + 8 < 8 * int(sizeof(Key)) ? ~Key(0) << (shift + 8) : Key(0);
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) {
      Key key;
      if (key_at(i, key) && (key & above) == prefix) atomicAdd(&count[int(key >> shift) & 255], 1);
    }
    __syncthreads();
    if (threadIdx.x < kWarp) choose_digit(count, k, chosen);
    __syncthreads();
    prefix |= Key(chosen.value) << shift;
    k = chosen.wanted, done = chosen.all;
  }
  return {prefix, k};
}

// Calls take(i, place) for the keys that an edge selects, equal ones by their order; places count from 0 in the order
// of i.  One scan counts both kinds, in halves of a word: a block has at most 1,024 threads.
template <class Key, class KeyAt, class Take>
__device__ void block_take(int64_t n, Edge<Key> edge, KeyAt key_at, Take take) {
  int above_seen = 0, equal_seen = 0;
  for (int64_t begin = 0; begin < n; begin += blockDim.x) {
    const int64_t i = begin + threadIdx.x;
    Key key = 0;
    const bool there = i < n && key_at(i, key), above = there && key > edge.key, equal = there && key == edge.key;
    int all;
    const int before = block_scan(int(above) + (int(equal) << 16), all);
    const int rank = equal_seen + (before >> 16), taken = int(smaller(rank, edge.equal));
    if (above || (equal && rank < edge.equal)) take(i, above_seen + (before & 0xFFFF) + taken);
    above_seen += all & 0xFFFF, equal_seen += all >> 16;
  }
}

}  // namespace
}  // namespace sil::SIL_GPU
