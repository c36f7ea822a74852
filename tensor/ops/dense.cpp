// Matrix products and convolutions.
#include "tensor/ops.h"
#include "tensor/ops/arguments.h"

namespace sil::ops {
namespace {

// Optional addend of an operation's result: bias, or skip.
void want_addend(const char* op, const char* name, const Tensor& t, const Tensor& x, const Shape& shape,
                 const char* meaning) {
  if (!t.defined()) return;
  want_alike(op, "x", x, name, t);
  want_shape(op, name, t, shape, meaning);
}

void want_geometry(const char* op, const Conv2dGeom& g) {
  check(g.stride >= 1 && g.padding >= 0 && g.dilation >= 1,
        "{}: stride {}, padding {}, dilation {}; stride and dilation of at least 1, padding of at least 0 expected", op,
        g.stride, g.padding, g.dilation);
}

void want_weight(const char* op, const Tensor& w) {
  want_float(op, "weight", w);
  want_rank(op, "weight", w, 4, "[O, kH, kW, I]");
  check(w.numel() > 0, "{}: weight is {}; no extent may be 0", op, w.shape());
}

// The shape of conv(x, w).
Shape convolved(const char* op, const Shape& x, const Shape& w, const Conv2dGeom& g) {
  check(x.rank() == 4, "{}: x is {}; [N, H, W, C] expected", op, x);
  check(w[3] == x[3], "{}: weight is {} (O,kH,kW,I expected), input has {} channels", op, w, x[3]);
  const int64_t rows = g.dilation * (w[1] - 1) + 1, columns = g.dilation * (w[2] - 1) + 1;
  const int64_t height = x[1] + 2 * g.padding, width = x[2] + 2 * g.padding;
  check(x[1] > 0 && x[2] > 0 && height >= rows && width >= columns,
        "{}: input is {} x {} with padding {}; at least the kernel's {} x {} expected", op, x[1], x[2], g.padding, rows,
        columns);
  return {x[0], (height - rows) / g.stride + 1, (width - columns) / g.stride + 1, w[0]};
}

// The shape of a transposed convolution of x with w [I, kH, kW, O].
Shape deconvolved(const char* op, const Shape& x, const Shape& w, int stride) {
  check(stride >= 1, "{}: stride {}; at least 1 expected", op, stride);
  check(x.rank() == 4, "{}: x is {}; [N, H, W, C] expected", op, x);
  check(w[0] == x[3], "{}: weight is {} (I,kH,kW,O expected), input has {} channels", op, w, x[3]);
  check(x[1] > 0 && x[2] > 0, "{}: input is {} x {}; at least 1 x 1 expected", op, x[1], x[2]);
  return {x[0], (x[1] - 1) * stride + w[1], (x[2] - 1) * stride + w[2], w[3]};
}

void want_weight_shape(const char* op, const Shape& w) {
  check(w.rank() == 4 && w.numel() > 0, "{}: weight is {}; [O, kH, kW, I] without an extent of 0 expected", op, w);
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, bool a_transposed, bool b_transposed, const Tensor& bias, bool relu) {
  want_float("matmul", "a", a);
  want_alike("matmul", "a", a, "b", b);
  check(a.rank() == 2 && b.rank() == 2, "matmul: a is {}, b is {}; matrices expected", a.shape(), b.shape());
  const int64_t m = a.dim(a_transposed ? 1 : 0), k = a.dim(a_transposed ? 0 : 1), n = b.dim(b_transposed ? 0 : 1);
  check(b.dim(b_transposed ? 1 : 0) == k, "matmul: a is {}{}, b is {}{}; equal inner extents expected", a.shape(),
        a_transposed ? " transposed" : "", b.shape(), b_transposed ? " transposed" : "");
  want_addend("matmul", "bias", bias, a, {n}, "[N] =");
  Tensor y({m, n}, a.dtype(), a.device());
  Scratch scratch(a.device());
  a.device().kernels().matmul({}, a, a_transposed, b, b_transposed, bias, relu, y, scratch);
  return y;
}

Tensor conv2d(const Tensor& x, const Tensor& w, Conv2dGeom g, const Tensor& bias, const Tensor& skip, bool relu) {
  want_float("conv2d", "x", x);
  want_alike("conv2d", "x", x, "weight", w);
  want_weight("conv2d", w);
  want_geometry("conv2d", g);
  const Shape shape = convolved("conv2d", x.shape(), w.shape(), g);
  want_addend("conv2d", "bias", bias, x, {w.dim(0)}, "[O] =");
  want_addend("conv2d", "skip", skip, x, shape, "the output's");
  Tensor y(shape, x.dtype(), x.device());
  Scratch scratch(x.device());
  x.device().kernels().conv2d({}, x, w, bias, skip, relu, y, g, scratch);
  return y;
}

Tensor conv2d_backward_input(const Tensor& dy, const Tensor& w, const Shape& x, Conv2dGeom g) {
  const char* op = "conv2d_backward_input";
  want_float(op, "dy", dy);
  want_alike(op, "dy", dy, "weight", w);
  want_weight(op, w);
  want_geometry(op, g);
  want_shape(op, "dy", dy, convolved(op, x, w.shape(), g), "the output's");
  Tensor dx(x, dy.dtype(), dy.device());
  Scratch scratch(dy.device());
  dy.device().kernels().conv2d_backward_input({}, dy, w, dx, g, scratch);
  return dx;
}

Tensor conv2d_backward_weight(const Tensor& dy, const Tensor& x, const Shape& w, Conv2dGeom g) {
  const char* op = "conv2d_backward_weight";
  want_float(op, "dy", dy);
  want_alike(op, "dy", dy, "x", x);
  want_weight_shape(op, w);
  want_geometry(op, g);
  want_shape(op, "dy", dy, convolved(op, x.shape(), w, g), "the output's");
  Tensor dw(w, dy.dtype(), dy.device());
  Scratch scratch(dy.device());
  dy.device().kernels().conv2d_backward_weight({}, dy, x, dw, g, scratch);
  return dw;
}

Tensor conv_transpose2d(const Tensor& x, const Tensor& w, int stride, const Tensor& bias, bool relu) {
  want_float("conv_transpose2d", "x", x);
  want_alike("conv_transpose2d", "x", x, "weight", w);
  want_weight("conv_transpose2d", w);
  const Shape shape = deconvolved("conv_transpose2d", x.shape(), w.shape(), stride);
  want_addend("conv_transpose2d", "bias", bias, x, {w.dim(3)}, "[O] =");
  Tensor y(shape, x.dtype(), x.device());
  Scratch scratch(x.device());
  x.device().kernels().conv_transpose2d({}, x, w, bias, relu, y, stride, scratch);
  return y;
}

Tensor conv_transpose2d_backward_input(const Tensor& dy, const Tensor& w, const Shape& x, int stride) {
  const char* op = "conv_transpose2d_backward_input";
  want_float(op, "dy", dy);
  want_alike(op, "dy", dy, "weight", w);
  want_weight(op, w);
  want_shape(op, "dy", dy, deconvolved(op, x, w.shape(), stride), "the output's");
  Tensor dx(x, dy.dtype(), dy.device());
  Scratch scratch(dy.device());
  dy.device().kernels().conv_transpose2d_backward_input({}, dy, w, dx, stride, scratch);
  return dx;
}

Tensor conv_transpose2d_backward_weight(const Tensor& dy, const Tensor& x, const Shape& w, int stride) {
  const char* op = "conv_transpose2d_backward_weight";
  want_float(op, "dy", dy);
  want_alike(op, "dy", dy, "x", x);
  want_weight_shape(op, w);
  want_shape(op, "dy", dy, deconvolved(op, x.shape(), w, stride), "the output's");
  Tensor dw(w, dy.dtype(), dy.device());
  Scratch scratch(dy.device());
  dy.device().kernels().conv_transpose2d_backward_weight({}, dy, x, dw, stride, scratch);
  return dw;
}

}  // namespace sil::ops
