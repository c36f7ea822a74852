// Normalisation.
#include <cmath>

#include "tensor/ops.h"
#include "tensor/ops/arguments.h"

namespace sil::ops {
namespace {

void want_per_channel(const char* op, const char* name, const Tensor& t, const Tensor& x) {
  want_alike(op, "x", x, name, t);
  want_shape(op, name, t, {x.dim(-1)}, "[C] =");
}

// What both norms ask of x and scale.
void want_input(const char* op, const Tensor& x, const Tensor& scale) {
  want_float(op, "x", x);
  want_rank(op, "x", x, 4, "[N, H, W, C]");
  check(x.dim(1) > 0 && x.dim(2) > 0 && x.dim(3) > 0, "{}: x is {}; at least one pixel and channel expected", op,
        x.shape());
  want_per_channel(op, "scale", scale, x);
}

void want_images(const char* op, const Tensor& x) {
  check(x.dim(0) > 0, "{}: x is {}; at least one image expected", op, x.shape());
}

void want_epsilon(const char* op, float eps) {
  check(eps >= 0 && std::isfinite(eps), "{}: eps is {}; a finite number of at least 0 expected", op, eps);
}

void want_groups(const char* op, const Tensor& x, int groups) {
  check(groups >= 1 && x.dim(3) % groups == 0, "{}: {} channels in {} groups; a divisor of the channels expected", op,
        x.dim(3), groups);
}

void want_statistics(const char* op, const Norm& norm, const Tensor& x, const Shape& shape, const char* meaning) {
  want_dtype(op, "mean", norm.mean, wide(x.dtype()));
  want_dtype(op, "inv_std", norm.inv_std, wide(x.dtype()));
  want_shape(op, "mean", norm.mean, shape, meaning);
  want_shape(op, "inv_std", norm.inv_std, shape, meaning);
}

Norm empty_norm(const Tensor& x, const Shape& statistics) {
  return {empty_like(x), Tensor(statistics, wide(x.dtype()), x.device()),
          Tensor(statistics, wide(x.dtype()), x.device())};
}

}  // namespace

Norm batch_norm(const Tensor& x, const Tensor& scale, const Tensor& shift, float eps) {
  want_input("batch_norm", x, scale);
  want_images("batch_norm", x);
  want_per_channel("batch_norm", "shift", shift, x);
  want_epsilon("batch_norm", eps);
  Norm out = empty_norm(x, {x.dim(3)});
  Scratch scratch(x.device());
  x.device().kernels().batch_norm({}, x, scale, shift, eps, out.y, out.mean, out.inv_std, scratch);
  return out;
}

NormGrads batch_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& scale, const Norm& norm) {
  const char* op = "batch_norm_backward";
  want_input(op, x, scale);
  want_images(op, x);
  want_alike(op, "dy", dy, "x", x);
  want_same_shape(op, "dy", dy, "x", x);
  want_statistics(op, norm, x, {x.dim(3)}, "[C] =");
  NormGrads out{empty_like(x), empty_like(scale), empty_like(scale)};
  Scratch scratch(x.device());
  x.device().kernels().batch_norm_backward({}, dy, x, scale, norm.mean, norm.inv_std, out.dx, out.dscale, out.dshift,
                                           scratch);
  return out;
}

Tensor channel_affine(const Tensor& x, const Tensor& a, const Tensor& b, bool relu) {
  want_float("channel_affine", "x", x);
  check(x.rank() >= 1 && x.dim(-1) > 0, "channel_affine: x is {}; at least one channel, innermost, expected",
        x.shape());
  for (const auto& [name, t] : {std::pair{"a", &a}, std::pair{"b", &b}}) {
    want_dtype("channel_affine", name, *t, wide(x.dtype()));
    want_same_device("channel_affine", "x", x, name, *t);
    want_shape("channel_affine", name, *t, {x.dim(-1)}, "[C] =");
  }
  Tensor y = empty_like(x);
  x.device().kernels().channel_affine({}, x, a, b, relu, y);
  return y;
}

Norm group_norm(const Tensor& x, const Tensor& scale, const Tensor& shift, int groups, float eps) {
  want_input("group_norm", x, scale);
  want_per_channel("group_norm", "shift", shift, x);
  want_groups("group_norm", x, groups);
  want_epsilon("group_norm", eps);
  Norm out = empty_norm(x, {x.dim(0), groups});
  Scratch scratch(x.device());
  x.device().kernels().group_norm({}, x, scale, shift, groups, eps, out.y, out.mean, out.inv_std, scratch);
  return out;
}

NormGrads group_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& scale, const Norm& norm, int groups) {
  const char* op = "group_norm_backward";
  want_input(op, x, scale);
  want_groups(op, x, groups);
  want_alike(op, "dy", dy, "x", x);
  want_same_shape(op, "dy", dy, "x", x);
  want_statistics(op, norm, x, {x.dim(0), groups}, "[N, groups] =");
  NormGrads out{empty_like(x), empty_like(scale), empty_like(scale)};
  Scratch scratch(x.device());
  x.device().kernels().group_norm_backward({}, dy, x, scale, norm.mean, norm.inv_std, groups, out.dx, out.dscale,
                                           out.dshift, scratch);
  return out;
}

}  // namespace sil::ops
