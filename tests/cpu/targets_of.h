// The mask loss never stores what a mask head should answer.  Its slope tells: sigmoid(0) - target, over the count.
#pragma once
#include "tensor/ops.h"

namespace sil {

// [R, side, side] in double; a negative object's is 0.
inline std::vector<double> targets_of(const Tensor& rois, const Tensor& object, const MaskRuns& masks, int64_t side) {
  const int64_t rows = rois.dim(0);
  const Tensor logits = Tensor::zeros({rows, side, side, 1}, rois.dtype()), labels = Tensor::zeros({rows}, DType::i32);
  const Tensor slope = ops::mask_loss(logits, labels, rois, object, masks).slope;
  std::vector<double> targets = ops::cast(slope, DType::f64).to_vector<double>();
  for (double& t : targets) t = 0.5 - t * double(targets.size());
  return targets;
}

}  // namespace sil
