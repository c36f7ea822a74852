// Normalisation.
#include "autograd/ops.h"

namespace sil {
namespace {

Grads all(ops::NormGrads g) { return {g.dx, g.dscale, g.dshift}; }

}  // namespace

BatchNormed batch_norm(const Var& x, const Var& scale, const Var& shift, float eps) {
  const ops::Norm norm = ops::batch_norm(x.value(), scale.value(), shift.value(), eps);
  Var y = record(norm.y, {x, scale, shift},
                 [x = x.value(), scale = scale.value(), statistics = ops::Norm{{}, norm.mean, norm.inv_std}](
                     const Tensor& dy, Needs) { return all(ops::batch_norm_backward(dy, x, scale, statistics)); });
  return {y, norm.mean, norm.inv_std};
}

// xhat = (x - mean) inv_std is one affine map of the pixels, y = xhat scale + shift another.
Var batch_norm_given(const Var& x, const Var& scale, const Var& shift, const Tensor& mean, const Tensor& inv_std) {
  const Tensor factor = ops::mul(inv_std, ops::cast(scale.value(), inv_std.dtype()));
  const Tensor offset = ops::sub(ops::cast(shift.value(), mean.dtype()), ops::mul(mean, factor));
  return record(ops::channel_affine(x.value(), factor, offset), {x, scale, shift},
                [x = x.value(), factor, mean, inv_std](const Tensor& dy, Needs need) -> Grads {
                  Tensor dx, dscale, dshift;
                  if (need[0]) dx = ops::channel_affine(dy, factor, zeros_like(factor));
                  if (need[1]) {
                    const Tensor xhat = ops::channel_affine(x, inv_std, ops::neg(ops::mul(mean, inv_std)));
                    dscale = ops::reduce(Reduce::sum, ops::mul(dy, xhat), {0, 1, 2});
                  }
                  if (need[2]) dshift = ops::reduce(Reduce::sum, dy, {0, 1, 2});
                  return {dx, dscale, dshift};
                });
}

Var group_norm(const Var& x, const Var& scale, const Var& shift, int groups, float eps) {
  const ops::Norm norm = ops::group_norm(x.value(), scale.value(), shift.value(), groups, eps);
  return record(
      norm.y, {x, scale, shift},
      [x = x.value(), scale = scale.value(), groups, statistics = ops::Norm{{}, norm.mean, norm.inv_std}](
          const Tensor& dy, Needs) { return all(ops::group_norm_backward(dy, x, scale, statistics, groups)); });
}

}  // namespace sil
