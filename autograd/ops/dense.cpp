// Matrix products and convolutions: all linear, so each gradient is the same operation turned around.
#include "autograd/ops.h"

namespace sil {
namespace {

// What flows back through "(then ReLU)", which adds dy's terms up on its way; y is undefined where there was none.
Tensor through_relu(Gradient dy, const Tensor& y) {
  return y.defined() ? ops::relu_backward(dy.sum, y, dy.last) : Tensor(std::move(dy));
}

// dy summed over all axes but the innermost.
Tensor sum_to_channels(const Tensor& dy) {
  std::vector<int> axes;
  for (int i = 0; i + 1 < dy.rank(); ++i) axes.push_back(i);
  return ops::reduce(Reduce::sum, dy, axes);
}

}  // namespace

Var matmul(const Var& a, const Var& b, bool a_transposed, bool b_transposed) {
  const Tensor x = a.value(), y = b.value();
  return record(ops::matmul(x, y, a_transposed, b_transposed), {a, b},
                [x, y, a_transposed, b_transposed](const Tensor& d, Needs need) -> Grads {
                  Tensor dx, dy;
                  if (need[0])
                    dx = a_transposed ? ops::matmul(y, d, b_transposed, true) : ops::matmul(d, y, false, !b_transposed);
                  if (need[1])
                    dy = b_transposed ? ops::matmul(d, x, true, a_transposed) : ops::matmul(x, d, !a_transposed, false);
                  return {dx, dy};
                });
}

Var linear(const Var& x, const Var& w, const Var& bias, bool relu) {
  const Tensor y = ops::matmul(x.value(), w.value(), false, true, bias.value(), relu);
  return record(y, {x, w, bias},
                [x = x.value(), w = w.value(), y = relu ? y : Tensor()](Gradient dy, Needs need) -> Grads {
                  const Tensor d = through_relu(std::move(dy), y);
                  return {need[0] ? ops::matmul(d, w) : Tensor(), need[1] ? ops::matmul(d, x, true, false) : Tensor(),
                          need[2] ? sum_to_channels(d) : Tensor()};
                });
}

Var conv2d(const Var& x, const Var& w, Conv2dGeom g, const Var& bias, const Var& skip, bool relu) {
  const Tensor y = ops::conv2d(x.value(), w.value(), g, bias.value(), skip.value(), relu);
  return record(y, {x, w, bias, skip},
                // Of x only the shape is kept where the weights are frozen.
                [x = w.needs_grad() ? x.value() : Tensor(), x_shape = x.shape(), w = w.value(), g,
                 y = relu ? y : Tensor()](Gradient dy, Needs need) -> Grads {
                  const Tensor d = through_relu(std::move(dy), y);
                  Tensor dx, dw, db;
                  if (need[0]) dx = ops::conv2d_backward_input(d, w, x_shape, g);
                  if (need[1]) dw = ops::conv2d_backward_weight(d, x, w.shape(), g);
                  if (need[2]) db = sum_to_channels(d);
                  return {dx, dw, db, need[3] ? d : Tensor()};
                });
}

Var conv_transpose2d(const Var& x, const Var& w, int stride, const Var& bias, bool relu) {
  const Tensor y = ops::conv_transpose2d(x.value(), w.value(), stride, bias.value(), relu);
  return record(y, {x, w, bias},
                [x = x.value(), w = w.value(), stride, y = relu ? y : Tensor()](Gradient dy, Needs need) -> Grads {
                  const Tensor d = through_relu(std::move(dy), y);
                  Tensor dx, dw, db;
                  if (need[0]) dx = ops::conv_transpose2d_backward_input(d, w, x.shape(), stride);
                  if (need[1]) dw = ops::conv_transpose2d_backward_weight(d, x, w.shape(), stride);
                  if (need[2]) db = sum_to_channels(d);
                  return {dx, dw, db};
                });
}

}  // namespace sil
