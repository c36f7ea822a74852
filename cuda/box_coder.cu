// The box coder, one thread a box: Girshick et al. 2014, appendix C.  The arithmetic is tensor/geometry.h's.
// bytes: 48 a box (deltas, reference and box, 16 each); FLOP: some 30 a box, two of them exponentials or logarithms.
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "tensor/geometry.h"

namespace sil::SIL_GPU {
namespace {

__global__ void encode_kernel(int64_t n, const float* boxes, const float* reference, BoxCoderGeom g, float* deltas) {
  for (int64_t r = thread_index(); r < n; r += thread_count()) {
    const BoxDeltas<float> d = encode(load_box<float>(boxes + 4 * r), load_box<float>(reference + 4 * r), g);
    float* to = deltas + 4 * r;
    to[0] = d.dx, to[1] = d.dy, to[2] = d.dw, to[3] = d.dh;
  }
}

__global__ void decode_kernel(int64_t n, int64_t classes, const float* deltas, const float* reference,
                              const int32_t* image, const int32_t* sizes, BoxCoderGeom g, float* boxes) {
  for (int64_t i = thread_index(); i < n; i += thread_count()) {
    const int64_t r = i / classes;
    const float* d = deltas + 4 * i;
    const bool empty = image && image[r] < 0;
    Box<float> b{};
    if (!empty) b = decode({d[0], d[1], d[2], d[3]}, load_box<float>(reference + 4 * r), g);
    if (!empty && sizes) b = clip(b, float(sizes[2 * image[r]]), float(sizes[2 * image[r] + 1]));
    float* to = boxes + 4 * i;
    to[0] = b.x1, to[1] = b.y1, to[2] = b.x2, to[3] = b.y2;
  }
}

}  // namespace

void encode_boxes(Stream s, In boxes, In reference, Out deltas, BoxCoderGeom g) {
  launch(s, "encode_boxes", over(boxes.dim(0)), encode_kernel, boxes.dim(0), boxes_of("encode_boxes", boxes),
         reference.data<float>(), g, deltas.data<float>());
}

void decode_boxes(Stream s, In deltas, In reference, In image, In sizes, Out boxes, BoxCoderGeom g) {
  const int64_t classes = deltas.dim(1) / 4, n = deltas.dim(0) * classes;
  launch(s, "decode_boxes", over(n), decode_kernel, n, classes, boxes_of("decode_boxes", deltas),
         reference.data<float>(), data_or_null<int32_t>(image), data_or_null<int32_t>(sizes), g, boxes.data<float>());
}

}  // namespace sil::SIL_GPU
