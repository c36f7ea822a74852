// Losses compute their gradient in the forward pass; backward scales it by dy, a scalar.
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

Var smooth_l1(const Var& x, const Tensor& target, const Tensor& weight, const Tensor& denominator, double beta) {
  return record_loss(ops::smooth_l1(x.value(), target, weight, denominator, beta), x);
}

Var mask_bce(const Var& logits, const Tensor& targets, const Tensor& labels) {
  return record_loss(ops::mask_bce(logits.value(), targets, labels), logits);
}

}  // namespace sil
