// Matrix products: float32 and bfloat16 by oneDNN, float64 by plain loops.  A transposed operand is read through its
// strides; nothing is copied.
#include "cpu/cpu.h"
#include "cpu/dispatch.h"
#include "cpu/onednn.h"
#include "cpu/plain.h"
#include "cpu/widen.h"

namespace sil::cpu {
namespace {

// The stored matrix [r, c], seen as [c, r] if transposed.
onednn::Matrix matrix(const void* data, In t, bool transposed) {
  if (transposed) return {data, t.dim(1), t.dim(0), 1, t.dim(1)};
  return {data, t.dim(0), t.dim(1), t.dim(1), 1};
}

void multiply_doubles(In a, bool a_transposed, In b, bool b_transposed, In bias, bool relu, Out y) {
  plain::matmul(y.dim(0), y.dim(1), a.dim(a_transposed ? 0 : 1), a.data<double>(), a_transposed, b.data<double>(),
                b_transposed, bias.defined() ? bias.data<double>() : nullptr, relu, y.data<double>());
}

// An empty sum: gradients of weights that no row used.
void no_products(In bias, bool relu, Out y) {
  for_float(y.dtype(), [&](auto t) {
    using T = decltype(t);
    using A = Compute<T>;
    const int64_t n = y.dim(1);
    for (int64_t i = 0; i < y.numel(); ++i) {
      const A v = bias.defined() ? A(bias.data<T>()[i % n]) : A(0);
      y.data<T>()[i] = T(relu && v < 0 ? A(0) : v);
    }
  });
}

}  // namespace

void matmul(Stream, In a, bool a_transposed, In b, bool b_transposed, In bias, bool relu, Out y, Scratch& scratch) {
  if (y.numel() == 0) return;
  if (a.numel() == 0) return no_products(bias, relu, y);
  if (y.dtype() == DType::f64) return multiply_doubles(a, a_transposed, b, b_transposed, bias, relu, y);
  if (y.dtype() == DType::f32 || onednn::has_bfloat16())
    return onednn::matmul(y.dtype(), matrix(a.raw(), a, a_transposed), matrix(b.raw(), b, b_transposed), bias.raw(),
                          relu, false, y.raw(), y.dim(1), scratch);
  float* wide = scratch.take_n<float>(size_t(y.numel()));
  onednn::matmul(DType::f32, matrix(widen(a, scratch), a, a_transposed), matrix(widen(b, scratch), b, b_transposed),
                 widen(bias, scratch), relu, false, wide, y.dim(1), scratch);
  narrow(wide, y);
}

}  // namespace sil::cpu
