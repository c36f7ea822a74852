#include "tensor/check.h"
#include "tensor/ops.h"
#include "tensor/ops/arguments.h"
#include "tensor/ops/check_boxes.h"

namespace sil::ops {

Tensor nms(const Tensor& boxes, const Tensor& scores, const Tensor& groups, int64_t limit, NmsGeom g) {
  check(boxes.defined() && boxes.rank() == 3 && boxes.dim(2) == 4,
        "nms: boxes is {}; [N, M, 4] (x1, y1, x2, y2) expected", boxes.shape());
  const int64_t images = boxes.dim(0), candidates = boxes.dim(1);
  check_boxes("nms", "boxes", boxes.view({-1, 4}));
  check_like("nms", "scores", scores, "boxes", boxes);
  check(scores.dtype() == boxes.dtype() && scores.shape() == Shape({images, candidates}),
        "nms: scores is {} {}; {} [{}, {}] expected", name(scores.dtype()), scores.shape(), name(boxes.dtype()), images,
        candidates);
  check_index("nms", "groups", groups, {images, candidates}, "a candidate's group", 0, INT32_MAX);
  want_same_device("nms", "groups", groups, "boxes", boxes);
  check(g.threshold >= 0 && g.threshold <= 1, "nms: threshold is {}; an IoU from 0 to 1 expected", g.threshold);
  check(limit >= 0, "nms: limit is {}; 0 or more expected", limit);
  Tensor rows({images, limit}, DType::i32, boxes.device());
  Scratch scratch(boxes.device());
  boxes.device().kernels().nms({}, boxes, scores, groups, rows, g, scratch);
  return rows;
}

}  // namespace sil::ops
