// Element by element, and reductions.
#include "tensor/ops.h"
#include "tensor/ops/arguments.h"

namespace sil::ops {
namespace {

const char* name_of(Unary op) {
  switch (op) {
    case Unary::neg:
      return "neg";
    case Unary::abs:
      return "abs";
    case Unary::exp:
      return "exp";
    case Unary::log:
      return "log";
    case Unary::sqrt:
      return "sqrt";
    case Unary::square:
      return "square";
    case Unary::reciprocal:
      return "reciprocal";
    case Unary::sigmoid:
      return "sigmoid";
    case Unary::relu:
      return "relu";
  }
  return "unary";
}

const char* name_of(Binary op) {
  switch (op) {
    case Binary::add:
      return "add";
    case Binary::sub:
      return "sub";
    case Binary::mul:
      return "mul";
    case Binary::div:
      return "div";
    case Binary::min:
      return "min";
    case Binary::max:
      return "max";
  }
  return "binary";
}

const char* name_of(Reduce op) { return op == Reduce::sum ? "sum" : op == Reduce::mean ? "mean" : "max"; }

// The axes as bits, and the result's shape with them at extent 1.
unsigned axis_bits(const char* op, const Tensor& x, const std::vector<int>& axes, Shape& kept) {
  unsigned bits = 0;
  for (int axis : axes) {
    const int i = want_axis(op, x, axis);
    check(!(bits >> i & 1), "{}: axis {} of {} twice; each axis once expected", op, i, x.shape());
    bits |= 1u << i;
    kept[i] = 1;
  }
  return bits;
}

Shape without_axes(const Shape& shape, unsigned bits) {
  std::vector<int64_t> dims;
  for (int i = 0; i < shape.rank(); ++i)
    if (!(bits >> i & 1)) dims.push_back(shape[i]);
  return Shape(std::span<const int64_t>(dims));
}

}  // namespace

Tensor unary(Unary op, const Tensor& x) {
  want_float(name_of(op), "x", x);
  Tensor y = empty_like(x);
  x.device().kernels().unary({}, op, x, y);
  return y;
}

Tensor binary(Binary op, const Tensor& a, const Tensor& b) {
  want_float(name_of(op), "a", a);
  want_alike(name_of(op), "a", a, "b", b);
  Tensor y(broadcast(name_of(op), a.shape(), b.shape()), a.dtype(), a.device());
  a.device().kernels().binary({}, op, a, b, y);
  return y;
}

Tensor scale(const Tensor& x, double factor) {
  want_float("scale", "x", x);
  Tensor y = empty_like(x);
  x.device().kernels().binary({}, Binary::mul, x, Tensor::full({}, factor, x.dtype(), x.device()), y);
  return y;
}

void add_into(Tensor& sum, const Tensor& x) {
  want_float("add_into", "sum", sum);
  want_alike("add_into", "sum", sum, "x", x);
  want_same_shape("add_into", "sum", sum, "x", x);
  sum.device().kernels().binary({}, Binary::add, sum, x, sum);
}

Tensor relu_backward(const Tensor& dy, const Tensor& y, const Tensor& more) {
  want_float("relu_backward", "dy", dy);
  want_alike("relu_backward", "dy", dy, "y", y);
  want_same_shape("relu_backward", "dy", dy, "y", y);
  if (more.defined()) {
    want_alike("relu_backward", "dy", dy, "more", more);
    want_same_shape("relu_backward", "dy", dy, "more", more);
  }
  Tensor dx = empty_like(dy);
  dy.device().kernels().relu_backward({}, dy, more, y, dx);
  return dx;
}

Tensor reduce(Reduce op, const Tensor& x, const std::vector<int>& axes, bool keep_axes) {
  want_float(name_of(op), "x", x);
  Shape kept = x.shape();
  const unsigned bits = axis_bits(name_of(op), x, axes, kept);
  check(op != Reduce::max || x.numel() > 0 || kept.numel() == 0, "max: x is {}; at least one element expected",
        x.shape());
  Tensor y(kept, x.dtype(), x.device());
  Scratch scratch(x.device());
  x.device().kernels().reduce({}, op, x, bits, y, scratch);
  return keep_axes ? y : y.view(without_axes(kept, bits));
}

Tensor sum(const Tensor& x) {
  want_float("sum", "x", x);
  std::vector<int> axes;
  for (int i = 0; i < x.rank(); ++i) axes.push_back(i);
  return reduce(Reduce::sum, x, axes);
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  want_float("sum_to", "x", x);
  if (x.shape() == shape) return x;
  std::vector<int> axes;
  bool ok = shape.rank() <= x.rank();
  for (int i = 1; ok && i <= x.rank(); ++i) {
    const bool added = i > shape.rank();
    ok = added || shape[-i] == x.dim(-i) || shape[-i] == 1;
    if (added || shape[-i] != x.dim(-i)) axes.push_back(x.rank() - i);
  }
  check(ok, "sum_to: x is {}; a shape that {} broadcasts to expected", x.shape(), shape);
  return reduce(Reduce::sum, x, axes, true).view(shape);
}

bool all_finite(const Tensor& x) {
  want_float("all_finite", "x", x);
  Tensor ok({1}, DType::i32, x.device());
  x.device().kernels().all_finite({}, x, ok);
  return ok.item() != 0;
}

}  // namespace sil::ops
