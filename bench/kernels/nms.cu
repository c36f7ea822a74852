// Greedy non-maximum suppression: a box is kept unless an earlier, better one that is kept overlaps it too much.
//
// The definition is a chain: whether box i is kept depends on all before it.  The M^2 / 2 overlaps of a list do not
// depend on anything, and are nearly all of the arithmetic (some 15 FLOP each; 40 lists of 2,000 boxes, as the RPN has
// for 8 photos and 5 levels: 80 M pairs, 1.2 GFLOP).  Little moves: boxes in, flags out, 1.4 MB; so what counts is how
// much of the chain runs in parallel, and GB/s say nothing.
//
// 1  A thread a list, straight from the definition: only the overlaps with kept boxes are computed, one after the
//    other.  40 of some 270,000 threads that fit on an H100 work.
// 2  A block a list.  Box after box: if it is still there, all threads strike out what it overlaps.  A barrier a box:
//    2,000 in a row.
// 3  The library's: all overlaps first, as bits, by as many blocks as there are 64 x 64 tiles; then a block a list
//    settles 64 boxes at a time by their own 64 x 64 bits and strikes out the rest word by word: 32 steps instead of
//    2,000.
#include "bench/kernels/problem.h"
#include "cuda/dispatch.h"
#include "tensor/geometry.h"

namespace sil::SIL_GPU {
namespace {

__device__ bool overlap(const float* a, const float* b, float limit) {
  const Box<float> p = load_box<float>(a), q = load_box<float>(b);
  return iou(p, area(p), q, area(q)) > limit;
}

__global__ void thread_a_list(int64_t lists, const float* boxes, const int32_t* counts, int64_t length, float limit,
                              uint8_t* keep) {
  for (int64_t s = thread_index(); s < lists; s += thread_count()) {
    const float* own = boxes + s * length * 4;
    uint8_t* kept = keep + s * length;
    for (int64_t i = 0; i < length; ++i) {
      bool good = i < counts[s];
      for (int64_t j = 0; good && j < i; ++j) good = !(kept[j] && overlap(own + 4 * j, own + 4 * i, limit));
      kept[i] = good;
    }
  }
}

__global__ void block_a_list(const float* boxes, const int32_t* counts, int64_t length, float limit, uint8_t* keep) {
  const int64_t count = counts[blockIdx.x];
  const float* own = boxes + blockIdx.x * length * 4;
  uint8_t* kept = keep + blockIdx.x * length;
  for (int64_t j = threadIdx.x; j < length; j += blockDim.x) kept[j] = j < count;
  for (int64_t i = 0; i < count; ++i) {
    __syncthreads();
    if (!kept[i]) continue;
    for (int64_t j = i + 1 + threadIdx.x; j < count; j += blockDim.x)
      if (kept[j] && overlap(own + 4 * i, own + 4 * j, limit)) kept[j] = 0;
  }
}

}  // namespace

Ladder nms_ladder(Device device, LadderSize size) {
  const bool real = size == LadderSize::real;
  const int64_t lists = real ? 40 : 3, length = real ? 2000 : 150;
  const double threshold = 0.7;
  const Tensor host_boxes = random_boxes(lists * length, 1, 1344, 800).view({lists, length, 4});
  std::vector<int32_t> real_boxes;
  for (int64_t s = 0; s < lists; ++s) real_boxes.push_back(int32_t(length - s * (length / 100)));
  const Tensor host_counts = Tensor::of({lists}, real_boxes), boxes = host_boxes.to(device),
               counts = host_counts.to(device);
  Tensor keep({lists, length}, DType::u8, device);
  const float *from = boxes.data<float>(), limit = not_above<float>(threshold);
  const int32_t* count = counts.data<int32_t>();
  uint8_t* out = keep.data<uint8_t>();
  return {.bytes = bytes_of({boxes, keep}),
          .flop = 15.0 * double(lists * length * length / 2),
          .outputs = {keep},
          .expected = {ops::nms(host_boxes, host_counts, threshold)},
          .versions = {{"a thread a list",
                        [=] {
                          launch({}, "thread_a_list", over(lists, kWarp), thread_a_list, lists, from, count, length,
                                 limit, out);
                        }},
                       {"a block a list, a barrier a box",
                        [=] {
                          launch({}, "block_a_list", {dim3(unsigned(lists)), kThreads}, block_a_list, from, count,
                                 length, limit, out);
                        }},
                       {"the library's: a bit a pair, 64 boxes a step", [=]() mutable {
                          Scratch scratch(device);
                          device.kernels().nms({}, boxes, counts, threshold, keep, scratch);
                        }}}};
}

}  // namespace sil::SIL_GPU
