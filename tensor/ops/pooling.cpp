// Pooling and resampling.
#include "tensor/ops.h"
#include "tensor/ops/arguments.h"

namespace sil::ops {
namespace {

constexpr const char* kMap = "[N, H, W, C]";

void want_map(const char* op, const char* name, const Tensor& x) {
  want_float(op, name, x);
  want_rank(op, name, x, 4, kMap);
}

void want_pixels(const char* op, const char* name, const Shape& x) {
  check(x.rank() == 4, "{}: {} is {}; {} expected", op, name, x, kMap);
  check(x[1] > 0 && x[2] > 0 && x[3] > 0, "{}: {} is {}; at least one pixel and channel expected", op, name, x);
}

// `coarse` gives each pixel of `fine` its value.
void want_resampling(const char* op, const Shape& coarse, const Shape& fine) {
  want_pixels(op, "coarse", coarse);
  want_pixels(op, "fine", fine);
  check(coarse[0] == fine[0] && coarse[3] == fine[3],
        "{}: coarse is {}, fine is {}; equal image counts and channels expected", op, coarse, fine);
}

}  // namespace

MaxPool max_pool(const Tensor& x, MaxPoolGeom g) {
  want_map("max_pool", "x", x);
  want_pixels("max_pool", "x", x.shape());
  check(g.kernel >= 1 && g.stride >= 1 && g.padding >= 0 && 2 * g.padding <= g.kernel,
        "max_pool: kernel {}, stride {}, padding {}; kernel and stride of at least 1, padding of at most half the "
        "kernel expected",
        g.kernel, g.stride, g.padding);
  const int64_t height = x.dim(1) + 2 * g.padding, width = x.dim(2) + 2 * g.padding;
  check(height >= g.kernel && width >= g.kernel,
        "max_pool: input is {} x {} with padding {}; at least the kernel's {} x {} expected", x.dim(1), x.dim(2),
        g.padding, g.kernel, g.kernel);
  const Shape shape{x.dim(0), (height - g.kernel) / g.stride + 1, (width - g.kernel) / g.stride + 1, x.dim(3)};
  MaxPool out{Tensor(shape, x.dtype(), x.device()), Tensor(shape, DType::i32, x.device())};
  x.device().kernels().max_pool({}, x, out.y, out.index, g);
  return out;
}

Tensor max_pool_backward(const Tensor& dy, const Tensor& index, const Shape& x, MaxPoolGeom g) {
  want_map("max_pool_backward", "dy", dy);
  want_dtype("max_pool_backward", "index", index, DType::i32);
  want_same_device("max_pool_backward", "dy", dy, "index", index);
  want_same_shape("max_pool_backward", "dy", dy, "index", index);
  want_pixels("max_pool_backward", "x", x);
  check(x[0] == dy.dim(0) && x[3] == dy.dim(3),
        "max_pool_backward: x is {}, dy is {}; equal image counts and channels expected", x, dy.shape());
  Tensor dx(x, dy.dtype(), dy.device());
  Scratch scratch(dy.device());
  dy.device().kernels().max_pool_backward({}, dy, index, dx, g, scratch);
  return dx;
}

Tensor upsample_add(const Tensor& coarse, const Tensor& fine) {
  want_map("upsample_add", "coarse", coarse);
  want_alike("upsample_add", "coarse", coarse, "fine", fine);
  want_resampling("upsample_add", coarse.shape(), fine.shape());
  Tensor y = empty_like(fine);
  coarse.device().kernels().upsample_add({}, coarse, fine, y);
  return y;
}

Tensor upsample_nearest(const Tensor& x, int64_t height, int64_t width) {
  want_map("upsample_nearest", "x", x);
  want_pixels("upsample_nearest", "x", x.shape());
  check(height >= 1 && width >= 1, "upsample_nearest: output is {} x {}; at least 1 x 1 expected", height, width);
  Tensor y({x.dim(0), height, width, x.dim(3)}, x.dtype(), x.device());
  x.device().kernels().upsample_add({}, x, {}, y);
  return y;
}

Tensor upsample_backward(const Tensor& dy, const Shape& coarse) {
  want_map("upsample_backward", "dy", dy);
  want_resampling("upsample_backward", coarse, dy.shape());
  Tensor d(coarse, dy.dtype(), dy.device());
  dy.device().kernels().upsample_backward({}, dy, d);
  return d;
}

}  // namespace sil::ops
