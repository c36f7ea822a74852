// Elementwise operations and reductions; the derivatives are on one screen.
#include "autograd/ops.h"

namespace sil {

using ops::sum_to;  // the adjoint of broadcasting

Var add(const Var& a, const Var& b) {
  return record(ops::add(a.value(), b.value()), {a, b},
                [as = a.shape(), bs = b.shape()](const Tensor& dy, Needs need) -> Grads {
                  return {need[0] ? sum_to(dy, as) : Tensor(), need[1] ? sum_to(dy, bs) : Tensor()};
                });
}

Var sub(const Var& a, const Var& b) {
  return record(ops::sub(a.value(), b.value()), {a, b},
                [as = a.shape(), bs = b.shape()](const Tensor& dy, Needs need) -> Grads {
                  return {need[0] ? sum_to(dy, as) : Tensor(), need[1] ? sum_to(ops::neg(dy), bs) : Tensor()};
                });
}

Var mul(const Var& a, const Var& b) {
  const Tensor x = a.value(), y = b.value();
  return record(ops::mul(x, y), {a, b}, [x, y](const Tensor& dy, Needs need) -> Grads {
    return {need[0] ? sum_to(ops::mul(dy, y), x.shape()) : Tensor(),
            need[1] ? sum_to(ops::mul(dy, x), y.shape()) : Tensor()};
  });
}

Var div(const Var& a, const Var& b) {
  const Tensor y = b.value(), q = ops::div(a.value(), y);
  return record(q, {a, b}, [as = a.shape(), y, q](const Tensor& dy, Needs need) -> Grads {
    const Tensor da = ops::div(dy, y);  // d(a/b)/db = -(a/b)/b
    return {need[0] ? sum_to(da, as) : Tensor(), need[1] ? sum_to(ops::neg(ops::mul(da, q)), y.shape()) : Tensor()};
  });
}

Var scale(const Var& x, double factor) {
  return record(ops::scale(x.value(), factor), {x},
                [factor](const Tensor& dy, Needs) -> Grads { return {ops::scale(dy, factor)}; });
}

Var relu(const Var& x) {
  const Tensor y = ops::relu(x.value());
  return record(y, {x}, [y](Gradient dy, Needs) -> Grads { return {ops::relu_backward(dy.sum, y, dy.last)}; });
}

Var sigmoid(const Var& x) {
  const Tensor y = ops::sigmoid(x.value());
  return record(y, {x}, [y](const Tensor& dy, Needs) -> Grads {
    return {ops::mul(dy, ops::sub(y, ops::square(y)))};  // y (1 - y)
  });
}

Var exp(const Var& x) {
  const Tensor y = ops::exp(x.value());
  return record(y, {x}, [y](const Tensor& dy, Needs) -> Grads { return {ops::mul(dy, y)}; });
}

Var log(const Var& x) {
  return record(ops::log(x.value()), {x},
                [x = x.value()](const Tensor& dy, Needs) -> Grads { return {ops::div(dy, x)}; });
}

Var sqrt(const Var& x) {
  const Tensor y = ops::sqrt(x.value());
  return record(y, {x}, [y](const Tensor& dy, Needs) -> Grads { return {ops::div(ops::scale(dy, 0.5), y)}; });
}

Var square(const Var& x) {
  return record(ops::square(x.value()), {x},
                [x = x.value()](const Tensor& dy, Needs) -> Grads { return {ops::mul(ops::scale(dy, 2), x)}; });
}

namespace {

// Broadcasts dy, whose reduced axes may be gone, back over x's shape.
Tensor spread(const Tensor& dy, const Shape& kept, const Shape& x) {
  return ops::add(dy.view(kept), Tensor::zeros(x, dy.dtype(), dy.device()));
}

Shape keep(Shape shape, const std::vector<int>& axes) {
  for (int axis : axes) shape[axis] = 1;
  return shape;
}

}  // namespace

Var sum(const Var& x, const std::vector<int>& axes, bool keep_axes) {
  Tensor y = ops::reduce(Reduce::sum, x.value(), axes, keep_axes);
  return record(y, {x}, [kept = keep(x.shape(), axes), from = x.shape()](const Tensor& dy, Needs) -> Grads {
    return {spread(dy, kept, from)};
  });
}

Var mean(const Var& x, const std::vector<int>& axes, bool keep_axes) {
  Tensor y = ops::reduce(Reduce::mean, x.value(), axes, keep_axes);
  return record(y, {x}, [kept = keep(x.shape(), axes), from = x.shape()](const Tensor& dy, Needs) -> Grads {
    return {spread(ops::scale(dy, double(dy.numel()) / double(from.numel())), kept, from)};
  });
}

}  // namespace sil
