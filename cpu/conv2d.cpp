// Convolution and its two gradients: float32 and bfloat16 by oneDNN, float64 by plain loops.
#include "cpu/cpu.h"
#include "cpu/onednn.h"
#include "cpu/plain.h"
#include "cpu/weight_gradient.h"
#include "cpu/widen.h"

namespace sil::cpu {
namespace {

const double* doubles(In x) { return x.defined() ? x.data<double>() : nullptr; }

bool widens(In x) { return x.dtype() == DType::bf16 && !onednn::has_bfloat16(); }

void backward_weight(const ConvShape& s, const float* dy, const float* x, float* dw, Scratch& scratch) {
  if (weight_gradient_wins(s)) return weight_gradient(s, dy, x, dw, scratch);
  onednn::conv_backward_weight(s, DType::f32, dy, x, dw, scratch);
}

}  // namespace

void conv2d(Stream, In x, In w, In bias, In skip, bool relu, Out y, Conv2dGeom g, Scratch& scratch) {
  if (y.numel() == 0) return;
  const ConvShape s(x, w, y, g);
  if (y.dtype() == DType::f64)
    return plain::conv_forward(s, doubles(x), doubles(w), doubles(bias), doubles(skip), relu, y.data<double>());
  if (!widens(y))
    return onednn::conv_forward(s, y.dtype(), x.raw(), w.raw(), bias.raw(), skip.raw(), relu, y.raw(), scratch);
  float* wide = scratch.take_n<float>(size_t(y.numel()));
  onednn::conv_forward(s, DType::f32, widen(x, scratch), widen(w, scratch), widen(bias, scratch), widen(skip, scratch),
                       relu, wide, scratch);
  narrow(wide, y);
}

void conv2d_backward_input(Stream, In dy, In w, Out dx, Conv2dGeom g, Scratch& scratch) {
  if (dx.numel() == 0) return;
  const ConvShape s(dx, w, dy, g);
  if (dx.dtype() == DType::f64) return plain::conv_backward_input(s, doubles(dy), doubles(w), dx.data<double>());
  if (!widens(dx)) return onednn::conv_backward_input(s, dx.dtype(), dy.raw(), w.raw(), dx.dtype(), dx.raw(), scratch);
  float* wide = scratch.take_n<float>(size_t(dx.numel()));
  onednn::conv_backward_input(s, DType::f32, widen(dy, scratch), widen(w, scratch), DType::f32, wide, scratch);
  narrow(wide, dx);
}

void conv2d_backward_weight(Stream stream, In dy, In x, Out dw, Conv2dGeom g, Scratch& scratch) {
  if (dy.numel() == 0) return fill(stream, 0, dw);
  const ConvShape s(x, dw, dy, g);
  if (dw.dtype() == DType::f64) return plain::conv_backward_weight(s, doubles(dy), doubles(x), dw.data<double>());
  if (dw.dtype() == DType::f32) return backward_weight(s, dy.data<float>(), x.data<float>(), dw.data<float>(), scratch);
  if (!widens(dw)) return onednn::conv_backward_weight(s, dw.dtype(), dy.raw(), x.raw(), dw.raw(), scratch);
  float* wide = scratch.take_n<float>(size_t(dw.numel()));
  backward_weight(s, widen(dy, scratch), widen(x, scratch), wide, scratch);
  narrow(wide, dw);
}

}  // namespace sil::cpu
