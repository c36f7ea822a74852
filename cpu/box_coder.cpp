#include "cpu/cpu.h"
#include "cpu/dispatch.h"
#include "tensor/geometry.h"
#include "tensor/threads.h"

namespace sil::cpu {
namespace {

constexpr int64_t kGrain = 2048;

}  // namespace

void encode_boxes(Stream, In boxes, In reference, Out deltas, BoxCoderGeom g) {
  for_boxes(boxes.dtype(), [&](auto t) {
    using T = decltype(t);
    const T *box = boxes.data<T>(), *from = reference.data<T>();
    T* out = deltas.data<T>();
    parallel_for(boxes.dim(0), kGrain, [=](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const auto d = encode(load_box<T>(box + 4 * r), load_box<T>(from + 4 * r), g);
        out[4 * r] = d.dx, out[4 * r + 1] = d.dy, out[4 * r + 2] = d.dw, out[4 * r + 3] = d.dh;
      }
    });
  });
}

void decode_boxes(Stream, In deltas, In reference, In image, In sizes, Out boxes, BoxCoderGeom g) {
  const int32_t* whose = image.defined() ? image.data<int32_t>() : nullptr;
  const int32_t* size = sizes.defined() ? sizes.data<int32_t>() : nullptr;
  for_boxes(deltas.dtype(), [&](auto t) {
    using T = decltype(t);
    const T *d = deltas.data<T>(), *from = reference.data<T>();
    T* out = boxes.data<T>();
    const int64_t classes = deltas.dim(1) / 4;
    parallel_for(deltas.dim(0) * classes, kGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t r = i / classes;
        const bool empty = whose && whose[r] < 0;
        Box<T> b{};
        if (!empty) b = decode({d[4 * i], d[4 * i + 1], d[4 * i + 2], d[4 * i + 3]}, load_box<T>(from + 4 * r), g);
        if (!empty && size) b = clip(b, T(size[2 * whose[r]]), T(size[2 * whose[r] + 1]));
        out[4 * i] = b.x1, out[4 * i + 1] = b.y1, out[4 * i + 2] = b.x2, out[4 * i + 3] = b.y2;
      }
    });
  });
}

}  // namespace sil::cpu
