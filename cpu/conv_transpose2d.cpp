// Transposed convolution: the gradient of a convolution with respect to its input, run forward.  Its weights
// [I, kH, kW, O] are the [O, kH, kW, I] of that convolution, whose output is our x and whose input is our y.
#include "cpu/cpu.h"
#include "cpu/onednn.h"
#include "cpu/widen.h"
#include "tensor/threads.h"

namespace sil::cpu {
namespace {

// y = sum (+ bias) (then ReLU), rounded once; y may be sum.
template <class A, class T>
void finish(const A* sum, In bias, bool relu, Out y) {
  const int64_t channels = y.dim(3);
  const T* b = bias.defined() ? bias.data<T>() : nullptr;
  T* out = y.data<T>();
  parallel_for(y.numel() / channels, 256, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p)
      for (int64_t c = 0; c < channels; ++c) {
        const A v = sum[p * channels + c] + (b ? A(b[c]) : A(0));
        out[p * channels + c] = T(relu && v < 0 ? A(0) : v);
      }
  });
}

}  // namespace

void conv_transpose2d(Stream stream, In x, In w, In bias, bool relu, Out y, int stride, Scratch& scratch) {
  if (y.numel() == 0) return;
  const Conv2dGeom g{stride, 0, 1};
  if (y.dtype() == DType::bf16) {
    float* sum = scratch.take_n<float>(size_t(y.numel()));
    const ConvShape s(y, w, x, g);
    if (onednn::has_bfloat16())
      onednn::conv_backward_input(s, DType::bf16, x.raw(), w.raw(), DType::f32, sum, scratch);
    else
      onednn::conv_backward_input(s, DType::f32, widen(x, scratch), widen(w, scratch), DType::f32, sum, scratch);
    return finish<float, bfloat16>(sum, bias, relu, y);
  }
  conv2d_backward_input(stream, x, w, y, g, scratch);
  if (!bias.defined() && !relu) return;
  if (y.dtype() == DType::f64) return finish<double, double>(y.data<double>(), bias, relu, y);
  finish<float, float>(y.data<float>(), bias, relu, y);
}

void conv_transpose2d_backward_input(Stream stream, In dy, In w, Out dx, int stride, Scratch& scratch) {
  conv2d(stream, dy, w, {}, {}, false, dx, {stride, 0, 1}, scratch);
}

void conv_transpose2d_backward_weight(Stream stream, In dy, In x, Out dw, int stride, Scratch& scratch) {
  conv2d_backward_weight(stream, x, dy, dw, {stride, 0, 1}, scratch);
}

}  // namespace sil::cpu
