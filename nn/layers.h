// Convolution, transposed convolution and linear layer: weights, an optional bias, and optionally the ReLU behind them
// in the same kernel.  Shapes: N photos, H x W pixels, I and O channels in and out, R rows.
#pragma once
#include "autograd/ops.h"
#include "nn/module.h"

namespace sil {

// [N, H, W, I] -> [N, P, Q, O]; weight [O, kH, kW, I].
struct Conv2d {
  Parameter weight, bias;
  Conv2dGeom geom;

  Conv2d(Tensor w, Tensor b, Conv2dGeom);  // b may be absent
  Var operator()(const Var& x, bool relu = false) const;
  void visit(Visitor& v) { v("weight", weight)("bias", bias); }
};

// [N, H, W, I] -> [N, (H - 1) * stride + kH, .., O]; weight [I, kH, kW, O].
struct ConvTranspose2d {
  Parameter weight, bias;
  int stride;

  ConvTranspose2d(Tensor w, Tensor b, int stride);
  Var operator()(const Var& x, bool relu = false) const;
  void visit(Visitor& v) { v("weight", weight)("bias", bias); }
};

// [R, ...] -> [R, O], the axes behind R flattened; weight [O, I] or, behind a feature map, [O, H, W, C].
struct Linear {
  Parameter weight, bias;

  Linear(Tensor w, Tensor b);
  Var operator()(const Var& x, bool relu = false) const;
  void visit(Visitor& v) { v("weight", weight)("bias", bias); }
};

}  // namespace sil
