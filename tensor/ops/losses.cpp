// Losses with their gradients, and softmax.
#include "tensor/ops.h"
#include "tensor/ops/arguments.h"

namespace sil::ops {
namespace {

// int32 [R], one for each row of x, which is called `name`; less than `classes`, as far as the CPU can read it:
// elsewhere that would halt the queue.
void want_labels(const char* op, const char* name, const Tensor& x, const Tensor& labels, int64_t classes) {
  want_same_device(op, name, x, "labels", labels);
  want_dtype(op, "labels", labels, DType::i32);
  want_shape(op, "labels", labels, {x.dim(0)}, "[R]");
  if (labels.device().kind() != Device::Kind::cpu) return;
  const int32_t* label = labels.data<int32_t>();
  for (int64_t r = 0; r < labels.numel(); ++r)
    check(label[r] < classes, "{}: label {} of row {}; less than {} expected", op, label[r], r, classes);
}

Loss empty_loss(const Tensor& x) { return {Tensor({}, x.dtype(), x.device()), empty_like(x)}; }

}  // namespace

Loss softmax_cross_entropy(const Tensor& logits, const Tensor& labels) {
  want_float("softmax_cross_entropy", "logits", logits);
  want_rank("softmax_cross_entropy", "logits", logits, 2, "[R, K]");
  want_labels("softmax_cross_entropy", "logits", logits, labels, logits.dim(1));
  Loss loss = empty_loss(logits);
  Scratch scratch(logits.device());
  logits.device().kernels().softmax_cross_entropy({}, logits, labels, loss.value, loss.gradient, scratch);
  return loss;
}

Loss sigmoid_bce(const Tensor& logits, const Tensor& labels) {
  want_float("sigmoid_bce", "logits", logits);
  want_rank("sigmoid_bce", "logits", logits, 1, "[R]");
  want_labels("sigmoid_bce", "logits", logits, labels, 2);
  Loss loss = empty_loss(logits);
  Scratch scratch(logits.device());
  logits.device().kernels().sigmoid_bce({}, logits, labels, loss.value, loss.gradient, scratch);
  return loss;
}

Loss smooth_l1(const Tensor& x, const Tensor& target, const Tensor& labels, const Tensor& denominator, double beta) {
  want_float("smooth_l1", "x", x);
  want_rank("smooth_l1", "x", x, 2, "[R, D]");
  want_alike("smooth_l1", "x", x, "target", target);
  want_same_shape("smooth_l1", "x", x, "target", target);
  want_labels("smooth_l1", "x", x, labels, INT32_MAX);
  want_alike("smooth_l1", "x", x, "denominator", denominator);
  check(denominator.numel() == 1, "smooth_l1: denominator is {}; one element expected", denominator.shape());
  check(beta >= 0, "smooth_l1: beta is {}; 0 or more expected", beta);
  Loss loss = empty_loss(x);
  Scratch scratch(x.device());
  x.device().kernels().smooth_l1({}, x, target, labels, denominator, beta, loss.value, loss.gradient, scratch);
  return loss;
}

Tensor softmax(const Tensor& x) {
  want_float("softmax", "x", x);
  check(x.rank() >= 1, "softmax: x is []; at least one axis expected");
  Tensor y = empty_like(x);
  x.device().kernels().softmax({}, x, y);
  return y;
}

}  // namespace sil::ops
