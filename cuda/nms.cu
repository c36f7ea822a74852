// Greedy non-maximum suppression of many lists at once, without a trip to the host.  One kernel computes a bit for each
// pair (overlap_bits.h): box j > i overlaps box i too much.  Then a block a list walks its boxes in order, 64 at a
// time: one thread settles the 64 by their own bits, all threads add the bits of those kept to the suppressed. bytes:
// M^2 / 8 bits a list, written and read once (M = 2,000: 0.5 MB); FLOP: 15 a pair, M^2 / 2 pairs a list.
// Ladder: bench/kernels/nms.cu
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "cuda/overlap_bits.h"

namespace sil::SIL_GPU {
namespace {

__global__ void keep_kernel(const int32_t* counts, int64_t length, int64_t words, const Bits* bits, uint8_t* keep) {
  Bits* suppressed = dynamic_shared<Bits>();  // [words]
  __shared__ Bits kept, of_word[kBits];
  const int64_t list = blockIdx.x, count = counts[list];
  const Bits* own = bits + list * length * words;
  for (int64_t w = threadIdx.x; w < words; w += blockDim.x) suppressed[w] = 0;
  for (int64_t first = 0; first < length; first += kBits) {
    const int64_t word = first / kBits, mine = first + threadIdx.x;  // as many threads as bits
    if (mine < count) of_word[threadIdx.x] = own[mine * words + word];
    __syncthreads();
    if (threadIdx.x == 0) kept = settle(suppressed[word], of_word, count - first);
    __syncthreads();
    if (mine < length) keep[list * length + mine] = kept >> threadIdx.x & 1;
    for (int64_t w = word + 1 + threadIdx.x; w * kBits < count; w += blockDim.x)
      suppressed[w] |= suppressed_by(kept, own + first * words, words, w);
  }
}

}  // namespace

void nms(Stream s, In boxes, In counts, double threshold, Out keep, Scratch& scratch) {
  const int64_t lists = boxes.dim(0), length = boxes.dim(1), words = divide_up(length, kBits);
  Bits* bits = scratch.take_n<Bits>(size_t(lists * length * words));
  const int32_t* count = counts.data<int32_t>();
  launch(s, "nms_overlap", {dim3(unsigned(words), unsigned(words), unsigned(lists)), kBits}, overlap_kernel,
         boxes_of("nms", boxes), nullptr, count, length, words, not_above<float>(threshold), bits);
  launch(s, "nms_keep", {dim3(unsigned(lists)), kBits, size_t(words) * sizeof(Bits)}, keep_kernel, count, length, words,
         bits, keep.data<uint8_t>());
}

}  // namespace sil::SIL_GPU
