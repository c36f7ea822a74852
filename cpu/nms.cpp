// Greedy non-maximum suppression of many lists, a thread a list.
#include "cpu/cpu.h"
#include "cpu/dispatch.h"
#include "cpu/suppress.h"
#include "tensor/threads.h"

namespace sil::cpu {
void nms(Stream, In boxes, In counts, double threshold, Out keep, Scratch& scratch) {
  const int64_t lists = boxes.dim(0), length = boxes.dim(1);
  const int32_t* count = counts.data<int32_t>();
  uint8_t* out = keep.data<uint8_t>();
  for_boxes(boxes.dtype(), [&](auto t) {
    using T = decltype(t);
    const T* box = boxes.data<T>();
    T* room = scratch.take_n<T>(size_t(lists * length * 5));
    const T limit = not_above<T>(threshold);
    parallel_for(lists, 1, [&](int64_t begin, int64_t end) {
      for (int64_t s = begin; s < end; ++s) {
        std::fill_n(out + s * length, length, uint8_t(0));
        suppress(box + s * length * 4, int64_t(count[s]), limit, out + s * length, room + s * length * 5);
      }
    });
  });
}

}  // namespace sil::cpu
