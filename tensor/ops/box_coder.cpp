#include "tensor/check.h"
#include "tensor/ops.h"
#include "tensor/ops/arguments.h"
#include "tensor/ops/check_boxes.h"

namespace sil::ops {

Tensor encode_boxes(const Tensor& boxes, const Tensor& reference, BoxCoderGeom g) {
  check_boxes("encode_boxes", "boxes", boxes);
  check_boxes("encode_boxes", "reference", reference);
  check_like("encode_boxes", "boxes", boxes, "reference", reference);
  check(boxes.shape() == reference.shape(), "encode_boxes: boxes is {}, reference {}; equal shapes expected",
        boxes.shape(), reference.shape());
  Tensor deltas = empty_like(boxes);
  boxes.device().kernels().encode_boxes({}, boxes, reference, deltas, g);
  return deltas;
}

Tensor decode_boxes(const Tensor& deltas, const Tensor& reference, BoxCoderGeom g, const Tensor& image,
                    const Tensor& sizes) {
  check_boxes("decode_boxes", "reference", reference);
  check(deltas.defined() && deltas.rank() == 2 && deltas.dim(0) == reference.dim(0) && deltas.dim(1) % 4 == 0,
        "decode_boxes: deltas is {}; [{}, K * 4] expected for reference {}", deltas.shape(), reference.dim(0),
        reference.shape());
  check_like("decode_boxes", "deltas", deltas, "reference", reference);
  check(image.defined() || !sizes.defined(), "decode_boxes: sizes without image; whose a row is decides its size");
  if (sizes.defined()) {
    check_ints("decode_boxes", "sizes", sizes, {sizes.rank() ? sizes.dim(0) : 0, 2}, "height, width");
    want_same_device("decode_boxes", "sizes", sizes, "deltas", deltas);
  }
  if (image.defined()) {
    check_index("decode_boxes", "image", image, {deltas.dim(0)}, "whose a row is", -1,
                sizes.defined() ? sizes.dim(0) - 1 : INT32_MAX);
    want_same_device("decode_boxes", "image", image, "deltas", deltas);
  }
  Tensor boxes = empty_like(deltas);
  deltas.device().kernels().decode_boxes({}, deltas, reference, image, sizes, boxes, g);
  return boxes;
}

}  // namespace sil::ops
