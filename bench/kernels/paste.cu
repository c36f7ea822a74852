// Masks into photos, as runs: from 28 x 28 probabilities and a box to COCO's run-length code.
//
// Each pixel of the box is a bilinear read of the mask, cut at a threshold; what is wanted is where, column by column,
// the bits change.  The answer is small, some 2 runs a column of a box, 4 bytes each: 100 detections leave 0.1 MB.  The
// pixels are not: 100 photos of 800 x 1333 are 107 MB of bytes, which only exist to be read once.  So the question is
// whether they are ever written.  Arithmetic: some 30 FLOP a pixel of a box.
//
// 1  Paste, then encode: the library's paste_mask writes each photo, a launch a mask; then a thread a mask goes down
//    all its pixels, one after the other.
// 2  Paste, then a block a mask: a warp votes on 32 pixels at a time, a shift gives those before, and a sum over the
//    block tells each change its place.
// 3  The library's: the same votes, on pixels that are computed and forgotten, and only where the mask can change: the
//    box.
#include "bench/kernels/problem.h"
#include "cuda/block.h"
#include "cuda/dispatch.h"

namespace sil::SIL_GPU {
namespace {

__global__ void thread_a_mask(int64_t masks, int64_t pixels, const uint8_t* bits, int64_t capacity, int32_t* ends,
                              int32_t* count) {
  for (int64_t d = thread_index(); d < masks; d += thread_count()) {
    int runs = 0;
    uint8_t before = 0;
    for (int64_t i = 0; i < pixels; ++i)
      if (const uint8_t bit = bits[d * pixels + i]; bit != before) {
        if (runs < capacity) ends[d * capacity + runs] = int32_t(i);
        ++runs, before = bit;
      }
    if (runs < capacity) ends[d * capacity + runs] = int32_t(pixels);
    count[d] = runs + 1;
  }
}

__global__ void block_a_mask(int64_t pixels, const uint8_t* all_bits, int64_t capacity, int32_t* all_ends,
                             int32_t* count) {
  const uint8_t* bits = all_bits + blockIdx.x * pixels;
  int32_t* ends = all_ends + blockIdx.x * capacity;
  const unsigned lane = threadIdx.x % kWarp;
  int runs = 0;
  for (int64_t begin = 0; begin < pixels; begin += blockDim.x) {
    const int64_t i = begin + threadIdx.x;
    const bool inside = i < pixels && bits[i], before = i > 0 && i <= pixels && bits[i - 1];
    const unsigned changes = __ballot_sync(kAllLanes, i < pixels && inside != before);
    int found;
    const int of_warp = block_scan(lane == 0 ? __popc(changes) : 0, found);
    const int at = runs + __shfl_sync(kAllLanes, of_warp, 0) + __popc(changes & ((1u << lane) - 1));
    if ((changes >> lane & 1) && at < capacity) ends[at] = int32_t(i);
    runs += found;
  }
  if (threadIdx.x != 0) return;
  if (runs < capacity) ends[runs] = int32_t(pixels);
  count[blockIdx.x] = runs + 1;
}

}  // namespace

Ladder paste_ladder(Device device, LadderSize size) {
  const bool real = size == LadderSize::real;
  const int64_t masks = real ? 100 : 6, side = real ? 28 : 14, capacity = real ? 4 * 1333 : 200;
  const int32_t height = real ? 800 : 40, width = real ? 1333 : 50;
  const float threshold = 0.5f;
  // Bumps: 1 in the middle, 0 at the border, and some noise.
  Tensor soft = random_floats({masks, side, side}, 1, -0.1f, 0.1f);
  for (int64_t i = 0; i < soft.numel(); ++i) {
    const float y = float(2 * (i / side % side) + 1) / float(side) - 1, x = float(2 * (i % side) + 1) / float(side) - 1;
    soft.data<float>()[i] += std::exp(-2 * (x * x + y * y));
  }
  const Tensor host_boxes = random_boxes(masks, 2, float(width), float(height));
  std::vector<int32_t> sizes;
  for (int64_t d = 0; d < masks; ++d) sizes.insert(sizes.end(), {height, width});
  const Tensor host_size = Tensor::of({masks, 2}, sizes);

  // What no run is written to holds what spoil() leaves there.
  ops::PastedRuns want = ops::paste_runs(soft, host_boxes, host_size, threshold, capacity);
  double runs = 0;
  for (int64_t d = 0; d < masks; ++d) {
    const int64_t found = want.count.data<int32_t>()[d];
    runs += double(found);
    for (int64_t i = found; i < capacity; ++i) want.ends.data<int32_t>()[d * capacity + i] = -1;
  }

  const Tensor mask = soft.to(device), boxes = host_boxes.to(device), photo = host_size.to(device);
  const Tensor bits({masks * width, height}, DType::u8, device);
  Tensor ends({masks, capacity}, DType::i32, device), count({masks}, DType::i32, device);
  const int64_t pixels = int64_t(height) * width;
  const uint8_t* from = bits.data<uint8_t>();
  int32_t *end = ends.data<int32_t>(), *counted = count.data<int32_t>();
  const auto paste = [=] {
    for (int64_t d = 0; d < masks; ++d) {
      Tensor own = bits.rows(d * width, (d + 1) * width);
      device.kernels().paste_mask({}, mask.rows(d, d + 1).view({side, side}), boxes.rows(d, d + 1).view({4}), threshold,
                                  own);
    }
  };
  return {.bytes = double(mask.bytes()) + 4 * runs,
          .outputs = {ends, count},
          .expected = {want.ends, want.count},
          .versions = {{"paste, then a thread a mask",
                        [=] {
                          paste();
                          launch({}, "thread_a_mask", over(masks, kWarp), thread_a_mask, masks, pixels, from, capacity,
                                 end, counted);
                        }},
                       {"paste, then a block a mask, by votes",
                        [=] {
                          paste();
                          launch({}, "block_a_mask", {dim3(unsigned(masks)), kThreads}, block_a_mask, pixels, from,
                                 capacity, end, counted);
                        }},
                       {"the library's: no pixels", [=]() mutable {
                          Scratch scratch(device);
                          device.kernels().paste_runs({}, mask, boxes, photo, threshold, ends, count, scratch);
                        }}}};
}

}  // namespace sil::SIL_GPU
