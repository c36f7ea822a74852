#include "nn/norm.h"

#include "tensor/check.h"

namespace sil {
namespace {

Tensor ones(int64_t n) { return Tensor::full({n}, 1); }

// scale = w / sqrt(var + eps), shift = b - mean * scale
Affine fold(const Tensor& w, const Tensor& b, const Tensor& mean, const Tensor& var, float eps) {
  const Tensor deviation = ops::sqrt(ops::add(var, Tensor::full({1}, eps, var.dtype(), var.device())));
  const Tensor scale = ops::div(w, deviation);
  return {scale, ops::sub(b, ops::mul(mean, scale))};
}

// running = (1 - momentum) * running + momentum * batch, in its place, where a recorded step finds it again
void move(Tensor& running, const Tensor& batch) {
  const Tensor moved = ops::add(ops::scale(running, 1 - BatchNorm::kMomentum), ops::scale(batch, BatchNorm::kMomentum));
  ops::assign(running, moved);
}

}  // namespace

FrozenBatchNorm::FrozenBatchNorm(int64_t channels, float e)
    : weight(ones(channels)),
      bias(Tensor::zeros({channels})),
      running_mean(Tensor::zeros({channels})),
      running_var(ones(channels)),
      eps(e) {}

Affine FrozenBatchNorm::affine() const { return fold(weight, bias, running_mean, running_var, eps); }

BatchNorm::BatchNorm(int64_t channels, float e)
    : weight(ones(channels)),
      bias(Tensor::zeros({channels})),
      running_mean(Tensor::zeros({channels})),
      running_var(ones(channels)),
      num_batches_tracked(Tensor::zeros({}, DType::i64)),
      eps(e) {}

Var BatchNorm::operator()(const Var& x) {
  const DType t = x.value().dtype();
  BatchNormed normed = batch_norm(x, weight.in(t), bias.in(t), eps);
  const double n = double(x.shape().numel() / std::max<int64_t>(x.dim(3), 1));
  // The kernel gives 1 / sqrt(var + eps) of the biased variance.
  const Tensor var = ops::sub(ops::unary(Unary::reciprocal, ops::square(normed.inv_std)),
                              Tensor::full({1}, eps, normed.inv_std.dtype(), normed.inv_std.device()));
  move(running_mean, normed.mean);
  move(running_var, n > 1 ? ops::scale(var, n / (n - 1)) : var);
  ops::increment(num_batches_tracked);
  return normed.y;
}

Affine BatchNorm::affine() const { return fold(weight.value(), bias.value(), running_mean, running_var, eps); }

GroupNorm::GroupNorm(int64_t channels, float e) : weight(ones(channels)), bias(Tensor::zeros({channels})), eps(e) {
  check(channels % kGroups == 0, "group_norm: {} channels, a multiple of {} expected", channels, kGroups);
}

Var GroupNorm::operator()(const Var& x) const {
  const DType t = x.value().dtype();
  return group_norm(x, weight.in(t), bias.in(t), kGroups, eps);
}

}  // namespace sil
