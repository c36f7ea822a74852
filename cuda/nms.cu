// Greedy non-maximum suppression of many lists at once, without a trip to the host.  One kernel computes, 64 x 64 boxes
// a block, a bit for each pair: box j > i overlaps box i too much.  Then a block a list walks its boxes in order, 64 at
// a time: one thread settles the 64 by their own bits, all threads add the bits of those kept to the suppressed. bytes:
// M^2 / 8 bits a list, written and read once (M = 2,000: 0.5 MB); FLOP: 15 a pair, M^2 / 2 pairs a list.
// Ladder: bench/kernels/nms.cu
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "tensor/geometry.h"

namespace sil::SIL_GPU {
namespace {

using Bits = unsigned long long;
constexpr int kBits = 64;

// bits [S, M, words]: bit b of word w of row i: box 64 w + b is later than box i and overlaps it too much.
__global__ void overlap_kernel(const float* boxes, const int32_t* counts, int64_t length, int64_t words, float limit,
                               Bits* bits) {
  __shared__ Box<float> other[kBits];
  __shared__ float other_area[kBits];
  const int64_t list = blockIdx.z, word = blockIdx.x, first = blockIdx.y * int64_t(kBits), count = counts[list];
  const float* own = boxes + list * length * 4;
  if (word < blockIdx.y || word * kBits >= count || first >= count) return;  // never read
  if (const int64_t j = word * kBits + threadIdx.x; j < count) {
    other[threadIdx.x] = load_box<float>(own + 4 * j);
    other_area[threadIdx.x] = area(other[threadIdx.x]);
  }
  __syncthreads();
  const int64_t i = first + threadIdx.x;
  if (i >= count) return;
  const Box<float> box = load_box<float>(own + 4 * i);
  const float box_area = area(box);
  Bits mine = 0;
  for (int b = 0; b < kBits && word * kBits + b < count; ++b)
    if (word * kBits + b > i && iou(box, box_area, other[b], other_area[b]) > limit) mine |= Bits(1) << b;
  bits[(list * length + i) * words + word] = mine;
}

__global__ void keep_kernel(const int32_t* counts, int64_t length, int64_t words, const Bits* bits, uint8_t* keep) {
  Bits* suppressed = dynamic_shared<Bits>();  // [words]
  __shared__ Bits kept;
  const int64_t list = blockIdx.x, count = counts[list];
  const Bits* own = bits + list * length * words;
  for (int64_t w = threadIdx.x; w < words; w += blockDim.x) suppressed[w] = 0;
  for (int64_t first = 0; first < length; first += kBits) {
    const int64_t word = first / kBits;
    __syncthreads();
    if (threadIdx.x == 0) {
      Bits gone = suppressed[word];
      kept = 0;
      for (int b = 0; b < kBits && first + b < count; ++b)
        if (!(gone >> b & 1)) kept |= Bits(1) << b, gone |= own[(first + b) * words + word];
    }
    __syncthreads();
    if (first + threadIdx.x < length) keep[list * length + first + threadIdx.x] = kept >> threadIdx.x & 1;
    for (int64_t w = word + 1 + threadIdx.x; w * kBits < count; w += blockDim.x) {
      Bits more = 0;
      for (Bits rest = kept; rest; rest &= rest - 1) more |= own[(first + __ffsll(int64_t(rest)) - 1) * words + w];
      suppressed[w] |= more;
    }
  }
}

}  // namespace

void nms(Stream s, In boxes, In counts, double threshold, Out keep, Scratch& scratch) {
  const int64_t lists = boxes.dim(0), length = boxes.dim(1), words = divide_up(length, kBits);
  Bits* bits = scratch.take_n<Bits>(size_t(lists * length * words));
  const int32_t* count = counts.data<int32_t>();
  launch(s, "nms_overlap", {dim3(unsigned(words), unsigned(words), unsigned(lists)), kBits}, overlap_kernel,
         boxes_of("nms", boxes), count, length, words, not_above<float>(threshold), bits);
  launch(s, "nms_keep", {dim3(unsigned(lists)), kBits, size_t(words) * sizeof(Bits)}, keep_kernel, count, length, words,
         bits, keep.data<uint8_t>());
}

}  // namespace sil::SIL_GPU
