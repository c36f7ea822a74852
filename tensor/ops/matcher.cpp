#include "tensor/check.h"
#include "tensor/ops.h"
#include "tensor/ops/arguments.h"
#include "tensor/ops/check_boxes.h"

namespace sil::ops {

Tensor match_boxes(const Tensor& boxes, const Tensor& image, const Tensor& truth, const Tensor& truth_image,
                   int64_t images, MatcherGeom g) {
  check_boxes("match_boxes", "boxes", boxes);
  check_boxes("match_boxes", "truth", truth);
  check_like("match_boxes", "truth", truth, "boxes", boxes);
  check(images >= 0, "match_boxes: images is {}; 0 or more expected", images);
  check(g.background <= g.foreground, "match_boxes: background is {}, foreground {}; background <= foreground expected",
        g.background, g.foreground);
  check_index("match_boxes", "truth_image", truth_image, {truth.dim(0)}, "whose an object is", -1, images - 1);
  if (image.defined()) check_index("match_boxes", "image", image, {boxes.dim(0)}, "whose a row is", -1, images - 1);
  want_same_device("match_boxes", "truth_image", truth_image, "boxes", boxes);
  if (image.defined()) want_same_device("match_boxes", "image", image, "boxes", boxes);
  Tensor matched({image.defined() ? boxes.dim(0) : images * boxes.dim(0)}, DType::i32, boxes.device());
  Scratch scratch(boxes.device());
  boxes.device().kernels().match_boxes({}, boxes, image, truth, truth_image, images, matched, g, scratch);
  return matched;
}

}  // namespace sil::ops
