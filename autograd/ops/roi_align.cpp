#include "autograd/ops.h"

namespace sil {

Var roi_align(const std::vector<Var>& pyramid, const Tensor& rois, const Tensor& image, RoiAlignGeom g) {
  std::vector<Shape> shapes;
  for (const Var& level : pyramid) shapes.push_back(level.shape());
  return record(ops::roi_align(values(pyramid), rois, image, g), pyramid,
                [=](const Tensor& dy, Needs) -> Grads { return ops::roi_align_backward(dy, rois, image, shapes, g); });
}

}  // namespace sil
