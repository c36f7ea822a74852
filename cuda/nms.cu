// Greedy non-maximum suppression of each image's candidates, group by group, without a trip to the host.  They are
// sorted by score (sort.h), those that take no part behind.  A bit for each pair of one group: the later overlaps the
// earlier too much.  Then a block an image walks its boxes in order, 64 at a time: one thread settles the 64 by their
// own bits, all threads write down those kept and add their bits to the suppressed, until there are enough.  bytes: 16
// a candidate and launch of the sort; M^2 / 8 bits an image, written once, read as far as the walk goes (M = 8,768 of
// five levels: 9.6 MB).  FLOP: 15 a pair, M^2 / 2 pairs.  Ladder: bench/kernels/nms.cu
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "cuda/sort.h"
#include "tensor/geometry.h"
#include "tensor/ordered_bits.h"

namespace sil::SIL_GPU {
namespace {

using Bits = unsigned long long;
constexpr int kBits = 64;

// keys [N, padded]: 0 where a candidate takes no part.
__global__ void candidate_kernel(int64_t n, const float* boxes, const float* scores, int64_t count, int64_t padded,
                                 NmsGeom g, Key* keys) {
  for (int64_t i = thread_index(); i < n; i += thread_count()) {
    const int64_t place = i % padded, from = i / padded * count + place;
    keys[i] = 0;
    if (place >= count) continue;
    const Box<float> b = load_box<float>(boxes + 4 * from);
    if (b.x2 - b.x1 >= g.min_side && b.y2 - b.y1 >= g.min_side && scores[from] > g.score_above)  // NaN is neither
      keys[i] = key_of(ordered_bits<uint32_t>(scores[from]), place);
  }
}

// Boxes and groups in the order of the keys; real [N]: how many there are.
__global__ void arrange_kernel(int64_t n, const float* boxes, const int32_t* groups, const Key* keys, int64_t count,
                               int64_t padded, float* sorted, int32_t* sorted_group, int32_t* real) {
  for (int64_t i = thread_index(); i < n; i += thread_count()) {
    const int64_t image = i / count, place = i % count;
    const Key* own = keys + image * padded;
    if (own[place] == 0) {
      if (place == 0 || own[place - 1] != 0) real[image] = int32_t(place);
      continue;
    }
    if (place == count - 1) real[image] = int32_t(count);
    const int64_t from = image * count + index_of(own[place]);
    sorted_group[i] = groups[from];
    for (int c = 0; c < 4; ++c) sorted[4 * i + c] = boxes[4 * from + c];
  }
}

// Boxes and groups sorted; bits [N, M, words]: bit b of word w of row i: box 64 w + b is later than box i, of its
// group, and overlaps it too much.  A block 64 x 64 pairs.
__global__ void overlap_kernel(const float* boxes, const int32_t* groups, const int32_t* real, int64_t length,
                               int64_t words, float limit, Bits* bits) {
  __shared__ Box<float> other[kBits];
  __shared__ int32_t other_group[kBits];
  __shared__ float other_area[kBits];
  const int64_t image = blockIdx.z, word = blockIdx.x, first = blockIdx.y * int64_t(kBits), count = real[image];
  const float* own = boxes + image * length * 4;
  if (word < blockIdx.y || word * kBits >= count) return;  // never read
  if (const int64_t j = word * kBits + threadIdx.x; j < count) {
    other[threadIdx.x] = load_box<float>(own + 4 * j);
    other_area[threadIdx.x] = area(other[threadIdx.x]);
    other_group[threadIdx.x] = groups[image * length + j];
  }
  __syncthreads();
  const int64_t i = first + threadIdx.x;
  if (i >= count) return;
  const Box<float> box = load_box<float>(own + 4 * i);
  const float box_area = area(box);
  const int32_t group = groups[image * length + i];
  Bits mine = 0;
  for (int b = 0; b < kBits && word * kBits + b < count; ++b)
    if (word * kBits + b > i && group == other_group[b] && iou(box, box_area, other[b], other_area[b]) > limit)
      mine |= Bits(1) << b;
  bits[(image * length + i) * words + word] = mine;
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

__global__ void take_kernel(const int32_t* real, int64_t length, int64_t words, const Bits* bits, const Key* keys,
                            int64_t padded, int64_t limit, int32_t* rows) {
  Bits* suppressed = dynamic_shared<Bits>();  // [words]
  __shared__ Bits kept, of_word[kBits];
  const int64_t image = blockIdx.x, count = real[image];
  const Bits* own = bits + image * length * words;
  int32_t* out = rows + image * limit;
  for (int64_t w = threadIdx.x; w < words; w += blockDim.x) suppressed[w] = 0;
  int64_t taken = 0;
  for (int64_t first = 0; first < count && taken < limit; first += kBits) {
    const int64_t word = first / kBits, mine = first + threadIdx.x;  // as many threads as bits
    if (mine < count) of_word[threadIdx.x] = own[mine * words + word];
    __syncthreads();
    if (threadIdx.x == 0) kept = settle(suppressed[word], of_word, count - first);
    __syncthreads();
    const Bits before = (Bits(1) << threadIdx.x) - 1;
    const int64_t place = taken + __popcll(kept & before);
    if (kept >> threadIdx.x & 1 && place < limit) out[place] = index_of(keys[image * padded + mine]);
    for (int64_t w = word + 1 + threadIdx.x; w * kBits < count; w += blockDim.x)
      suppressed[w] |= suppressed_by(kept, own + first * words, words, w);
    taken += __popcll(kept);
  }
  for (int64_t i = taken + threadIdx.x; i < limit; i += blockDim.x) out[i] = -1;
}

}  // namespace

void nms(Stream s, In boxes, In scores, In groups, Out rows, NmsGeom g, Scratch& scratch) {
  const int64_t images = boxes.dim(0), count = boxes.dim(1), n = images * count, limit = rows.dim(1);
  const int64_t padded = padded_keys(count), words = divide_up(count, kBits);
  if (n == 0) return fill(s, -1, rows);
  Key* keys = scratch.take_n<Key>(size_t(images * padded));
  float* sorted = scratch.take_n<float>(size_t(4 * n));
  int32_t *group = scratch.take_n<int32_t>(size_t(n)), *real = scratch.take_n<int32_t>(size_t(images));
  Bits* bits = scratch.take_n<Bits>(size_t(n * words));
  const float* from = boxes_of("nms", boxes);
  launch(s, "nms_candidates", over(images * padded), candidate_kernel, images * padded, from, scores.data<float>(),
         count, padded, g, keys);
  sort_rows(s, keys, images, padded);
  launch(s, "nms_arrange", over(n), arrange_kernel, n, from, groups.data<int32_t>(), keys, count, padded, sorted, group,
         real);
  launch(s, "nms_overlap", {dim3(unsigned(words), unsigned(words), unsigned(images)), kBits}, overlap_kernel, sorted,
         group, real, count, words, not_above<float>(g.threshold), bits);
  launch(s, "nms_take", {dim3(unsigned(images)), kBits, size_t(words) * sizeof(Bits)}, take_kernel, real, count, words,
         bits, keys, padded, limit, rows.data<int32_t>());
}

}  // namespace sil::SIL_GPU
