// Greedy non-maximum suppression, group by group: the best candidate is kept and strikes out those of its group that it
// overlaps too much; so again with what is left, until there are as many as wanted.
//
// The definition is a chain: what is kept depends on all that was kept before.  The overlaps depend on nothing, and are
// nearly all of the arithmetic (15 FLOP each; 8 photos of 8,768 candidates, as the RPN has of 5 levels: 307 M pairs,
// 4.6 GFLOP).  Little moves: boxes and scores in, rows out, 1.4 MB; so what counts is how much of the chain runs in
// parallel, and GB/s say nothing.
//
// 1  A thread a photo, straight from the definition: 1,000 times through the candidates for the best, and once more for
//    what it strikes out.  8 of some 270,000 threads that fit on an H100 work.
// 2  A block a photo, the same: 1,000 rounds of a search and a strike, 2 barriers each.
// 3  The library's: sorted first, so that nothing is searched for; all overlaps as bits, by as many blocks as there are
//    64 x 64 tiles; then a block a photo settles 64 candidates at a time by their own 64 x 64 bits and strikes out the
//    rest word by word: at most 137 steps, 2 barriers each.
#include "bench/kernels/problem.h"
#include "cuda/block.h"
#include "cuda/dispatch.h"
#include "cuda/key.h"
#include "tensor/geometry.h"
#include "tensor/ordered_bits.h"

namespace sil::SIL_GPU {
namespace {

struct Candidates {
  const float *boxes, *scores;  // [N, M, 4], [N, M]
  const int32_t* groups;        // [N, M]
  int64_t images, count;

  __device__ bool strikes_out(int64_t image, int64_t best, int64_t other, float limit) const {
    const float* own = boxes + 4 * image * count;
    const int32_t* group = groups + image * count;
    const Box<float> p = load_box<float>(own + 4 * best), q = load_box<float>(own + 4 * other);
    return group[best] == group[other] && iou(p, area(p), q, area(q)) > limit;
  }
};

__global__ void thread_a_photo(Candidates c, float limit, int64_t wanted, uint8_t* gone, int32_t* rows) {
  for (int64_t image = thread_index(); image < c.images; image += thread_count()) {
    uint8_t* out = gone + image * c.count;
    const float* score = c.scores + image * c.count;
    for (int64_t i = 0; i < c.count; ++i) out[i] = 0;
    for (int64_t place = 0; place < wanted; ++place) {
      int64_t best = -1;
      for (int64_t i = 0; i < c.count; ++i)
        if (!out[i] && (best < 0 || score[i] > score[best])) best = i;
      rows[image * wanted + place] = int32_t(best);
      if (best < 0) continue;
      out[best] = 1;
      for (int64_t i = 0; i < c.count; ++i)
        if (!out[i] && c.strikes_out(image, best, i, limit)) out[i] = 1;
    }
  }
}

__global__ void block_a_photo(Candidates c, float limit, int64_t wanted, uint8_t* gone, int32_t* rows) {
  const int64_t image = blockIdx.x;
  uint8_t* out = gone + image * c.count;
  const float* score = c.scores + image * c.count;
  // A thread looks at the same candidates in every round: what it writes to `gone` only itself reads.
  for (int64_t i = threadIdx.x; i < c.count; i += blockDim.x) out[i] = 0;
  for (int64_t place = 0; place < wanted; ++place) {
    Key key = 0;  // the score, of equal ones the earlier
    for (int64_t i = threadIdx.x; i < c.count; i += blockDim.x)
      if (!out[i]) key = LargerKey()(key, key_of(ordered_bits<uint32_t>(score[i]), i));
    key = block_fold(key, LargerKey());
    const int64_t best = key ? index_of(key) : -1;
    if (threadIdx.x == 0) rows[image * wanted + place] = int32_t(best);
    if (best < 0) continue;
    for (int64_t i = threadIdx.x; i < c.count; i += blockDim.x)
      if (i == best || c.strikes_out(image, best, i, limit)) out[i] = 1;
  }
}

}  // namespace

Ladder nms_ladder(Device device, LadderSize size) {
  const bool real = size == LadderSize::real;
  const int64_t images = real ? 8 : 2, count = real ? 8768 : 150, wanted = real ? 1000 : 120, levels = real ? 5 : 2;
  const NmsGeom geom{0, 0.7};
  const Tensor host_boxes = random_boxes(images * count, 1, 1344, 800).view({images, count, 4});
  const Tensor host_scores = random_floats({images, count}, 2, 0, 1);
  std::vector<int32_t> level;
  for (int64_t i = 0; i < images * count; ++i) level.push_back(int32_t(i % count * levels / count));
  const Tensor host_groups = Tensor::of({images, count}, level), boxes = host_boxes.to(device),
               scores = host_scores.to(device), groups = host_groups.to(device);
  const Tensor gone({images, count}, DType::u8, device);
  Tensor rows({images, wanted}, DType::i32, device);
  const Candidates c{boxes.data<float>(), scores.data<float>(), groups.data<int32_t>(), images, count};
  const float limit = not_above<float>(geom.threshold);
  int32_t* row = rows.data<int32_t>();
  return {.bytes = bytes_of({boxes, scores, groups, rows}),
          .flop = 15.0 * double(images * count * count / 2),
          .outputs = {rows},
          .expected = {ops::nms(host_boxes, host_scores, host_groups, wanted, geom)},
          .versions = {{"a thread a photo",
                        [=] {
                          launch({}, "thread_a_photo", over(images, kWarp), thread_a_photo, c, limit, wanted,
                                 static_cast<uint8_t*>(gone.raw()), row);
                        }},
                       {"a block a photo, a round a kept one",
                        [=] {
                          launch({}, "block_a_photo", {dim3(unsigned(images)), real ? 1024 : 64}, block_a_photo, c,
                                 limit, wanted, static_cast<uint8_t*>(gone.raw()), row);
                        }},
                       {"the library's: a bit a pair, 64 candidates a step", [=]() mutable {
                          Scratch scratch(device);
                          device.kernels().nms({}, boxes, scores, groups, rows, geom, scratch);
                        }}}};
}

}  // namespace sil::SIL_GPU
