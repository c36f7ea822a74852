#include "tensor/check.h"
#include "tensor/ops.h"
#include "tensor/ops/check_boxes.h"

namespace sil::ops {

Tensor nms(const Tensor& boxes, const Tensor& counts, double threshold) {
  check(boxes.defined() && boxes.rank() == 3 && boxes.dim(2) == 4,
        "nms: boxes is {}; [S, M, 4] (S lists of x1, y1, x2, y2) expected", boxes.shape());
  check_boxes("nms", "boxes", boxes.view({-1, 4}));
  check(threshold >= 0 && threshold <= 1, "nms: threshold is {}; an IoU from 0 to 1 expected", threshold);
  check_index("nms", "counts", counts, {boxes.dim(0)}, "boxes of each list", 0, boxes.dim(1));
  Tensor keep({boxes.dim(0), boxes.dim(1)}, DType::u8, boxes.device());
  Scratch scratch(boxes.device());
  boxes.device().kernels().nms({}, boxes, counts, threshold, keep, scratch);
  return keep;
}

}  // namespace sil::ops
