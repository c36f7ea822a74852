// Pooling and resampling.
#include "autograd/ops.h"

namespace sil {

Var max_pool(const Var& x, MaxPoolGeom g) {
  const auto [y, index] = ops::max_pool(x.value(), g);
  return record(y, {x}, [index = index, shape = x.shape(), g](const Tensor& dy, Needs) -> Grads {
    return {ops::max_pool_backward(dy, index, shape, g)};
  });
}

Var upsample_add(const Var& coarse, const Var& fine) {
  return record(ops::upsample_add(coarse.value(), fine.value()), {coarse, fine},
                [shape = coarse.shape()](const Tensor& dy, Needs need) -> Grads {
                  return {need[0] ? ops::upsample_backward(dy, shape) : Tensor(), need[1] ? dy : Tensor()};
                });
}

Var upsample_nearest(const Var& x, int64_t height, int64_t width) {
  return record(ops::upsample_nearest(x.value(), height, width), {x},
                [shape = x.shape()](const Tensor& dy, Needs) -> Grads { return {ops::upsample_backward(dy, shape)}; });
}

}  // namespace sil
