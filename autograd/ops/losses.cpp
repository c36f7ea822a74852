// Losses compute their gradient, or what it is made from, in the forward pass; backward scales it by dy, a scalar.
#include "autograd/ops.h"

namespace sil {
namespace {

Var record_loss(const ops::Loss& loss, const Var& x) {
  return record(loss.value, {x}, [g = loss.gradient](const Tensor& dy, Needs) -> Grads { return {ops::mul(g, dy)}; });
}

}  // namespace

Var softmax_cross_entropy(const Var& logits, const Tensor& labels) {
  return record_loss(ops::softmax_cross_entropy(logits.value(), labels), logits);
}

Var sigmoid_bce(const Var& logits, const Tensor& labels) {
  return record_loss(ops::sigmoid_bce(logits.value(), labels), logits);
}

Var smooth_l1(const Var& x, const Tensor& target, const Tensor& labels, const Tensor& denominator, double beta) {
  return record_loss(ops::smooth_l1(x.value(), target, labels, denominator, beta), x);
}

// Of the gradient, which is 0 but for one class, forward keeps that class's part.
Var mask_loss(const Var& logits, const Tensor& labels, const Tensor& rois, const Tensor& object,
              const MaskRuns& masks) {
  const ops::MaskLoss loss = ops::mask_loss(logits.value(), labels, rois, object, masks);
  return record(
      loss.value, {logits},
      [slope = loss.slope, labels, classes = logits.dim(3), dtype = logits.value().dtype()](
          const Tensor& dy, Needs) -> Grads { return {ops::mask_loss_backward(dy, slope, labels, classes, dtype)}; });
}

}  // namespace sil
