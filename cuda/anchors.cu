// Anchors of one image: Ren et al. 2015, section 3.1.1.  bytes: 16 an anchor are written; FLOP: 4 an anchor.
#include "cuda/dispatch.h"
#include "cuda/gpu.h"

namespace sil::SIL_GPU {
namespace {

__global__ void anchors_kernel(int64_t n, const float* base, int64_t shapes, int64_t width, int64_t stride_y,
                               int64_t stride_x, float* anchors) {
  for (int64_t i = thread_index(); i < n; i += thread_count()) {
    const float *b = base + 4 * (i % shapes), dx = float(i / shapes % width * stride_x),
                dy = float(i / shapes / width * stride_y);
    float* to = anchors + 4 * i;
    to[0] = dx + b[0], to[1] = dy + b[1], to[2] = dx + b[2], to[3] = dy + b[3];
  }
}

}  // namespace

void make_anchors(Stream s, InList base, In grid, In stride, Out anchors) {
  const int32_t *cells = grid.data<int32_t>(), *step = stride.data<int32_t>();  // on the host
  boxes_of("make_anchors", anchors);
  float* out = anchors.data<float>();
  for (size_t l = 0; l < base.size(); ++l) {
    const int64_t shapes = base[l].dim(0), n = int64_t(cells[2 * l]) * cells[2 * l + 1] * shapes;
    launch(s, "anchors", over(n), anchors_kernel, n, boxes_of("make_anchors", base[l]), shapes, cells[2 * l + 1],
           step[2 * l], step[2 * l + 1], out);
    out += 4 * n;
  }
}

}  // namespace sil::SIL_GPU
