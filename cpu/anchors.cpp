#include "cpu/cpu.h"
#include "cpu/dispatch.h"
#include "tensor/threads.h"

namespace sil::cpu {
namespace {

template <class T>
void level_anchors(In base, int64_t height, int64_t width, int64_t stride_y, int64_t stride_x, T* out) {
  const int64_t shapes = base.dim(0);
  const T* b = base.data<T>();
  parallel_for(height, 1 + 4096 / (1 + width * shapes), [=](int64_t begin, int64_t end) {
    T* to = out + begin * width * shapes * 4;
    for (int64_t y = begin; y < end; ++y)
      for (int64_t x = 0; x < width; ++x)
        for (int64_t s = 0; s < shapes; ++s, to += 4) {
          const T dx = T(x * stride_x), dy = T(y * stride_y);
          to[0] = dx + b[4 * s], to[1] = dy + b[4 * s + 1];
          to[2] = dx + b[4 * s + 2], to[3] = dy + b[4 * s + 3];
        }
  });
}

}  // namespace

void make_anchors(Stream, InList base, In grid, In stride, Out anchors) {
  const int32_t *cells = grid.data<int32_t>(), *step = stride.data<int32_t>();
  for_boxes(anchors.dtype(), [&](auto t) {
    using T = decltype(t);
    T* out = anchors.data<T>();
    for (size_t l = 0; l < base.size(); ++l) {
      level_anchors<T>(base[l], cells[2 * l], cells[2 * l + 1], step[2 * l], step[2 * l + 1], out);
      out += int64_t(cells[2 * l]) * cells[2 * l + 1] * base[l].dim(0) * 4;
    }
  });
}

}  // namespace sil::cpu
