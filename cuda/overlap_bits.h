// For each pair of a list's boxes a bit, 64 x 64 pairs a block: what greedy suppression then walks.
// bytes: M^2 / 8 bits a list, written once (M = 2,000: 0.5 MB); FLOP: 15 a pair, M^2 / 2 pairs a list.
#pragma once
#include "cuda/simt.h"
#include "tensor/geometry.h"

namespace sil::SIL_GPU {
namespace {

using Bits = unsigned long long;
constexpr int kBits = 64;

// bits [S, M, words]: bit b of word w of row i: box 64 w + b is later than box i, of its group, and overlaps it too
// much. groups [S, M], or null: all boxes of a list are of one group.
__global__ void overlap_kernel(const float* boxes, const int32_t* groups, const int32_t* counts, int64_t length,
                               int64_t words, float limit, Bits* bits) {
  __shared__ Box<float> other[kBits];
  __shared__ int32_t other_group[kBits];
  __shared__ float other_area[kBits];
  const int64_t list = blockIdx.z, word = blockIdx.x, first = blockIdx.y * int64_t(kBits), count = counts[list];
  const float* own = boxes + list * length * 4;
  if (word < blockIdx.y || word * kBits >= count || first >= count) return;  // never read
  if (const int64_t j = word * kBits + threadIdx.x; j < count) {
    other[threadIdx.x] = load_box<float>(own + 4 * j);
    other_area[threadIdx.x] = area(other[threadIdx.x]);
    other_group[threadIdx.x] = groups ? groups[list * length + j] : 0;
  }
  __syncthreads();
  const int64_t i = first + threadIdx.x;
  if (i >= count) return;
  const Box<float> box = load_box<float>(own + 4 * i);
  const float box_area = area(box);
  const int32_t group = groups ? groups[list * length + i] : 0;
  Bits mine = 0;
  for (int b = 0; b < kBits && word * kBits + b < count; ++b)
    if (word * kBits + b > i && group == other_group[b] && iou(box, box_area, other[b], other_area[b]) > limit)
      mine |= Bits(1) << b;
  bits[(list * length + i) * words + word] = mine;
}

// Those of 64 boxes that nothing keeps out; by one thread.  rows [64]: what each suppresses among them, in shared
// memory, as what is read next hangs on what was read before.
__device__ inline Bits settle(Bits gone, const Bits* rows, int64_t count) {
  Bits kept = 0;
  for (int b = 0; b < kBits && b < count; ++b)
    if (!(gone >> b & 1)) kept |= Bits(1) << b, gone |= rows[b];
  return kept;
}

// What the kept of 64 boxes suppress in a later word.
__device__ inline Bits suppressed_by(Bits kept, const Bits* rows, int64_t words, int64_t word) {
  Bits more = 0;
  for (; kept; kept &= kept - 1) more |= rows[(__ffsll(int64_t(kept)) - 1) * words + word];
  return more;
}

}  // namespace
}  // namespace sil::SIL_GPU
