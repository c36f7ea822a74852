// Everything that is asked of oneDNN, behind plain pointers, so that only onednn.cpp knows its API (versions 2 and 3).
//
// Activations are NHWC and weights OHWI, as everywhere; where oneDNN wants blocked weights they are reordered into
// scratch.  Work memory comes from the Scratch.  Results depend on the arguments and on threads() alone.  Extents must
// not be 0.
#pragma once
#include <string>

#include "cpu/conv_shape.h"

namespace sil::cpu::onednn {

// Whether this CPU computes on bfloat16 (AVX512-BF16 or AMX).  Elsewhere oneDNN would take its reference loops, so
// callers widen to float32 and round the result once: the same numbers up to the order of the sums.
bool has_bfloat16();
bool has_avx512();

// y = conv(x, w) (+ bias) (+ skip) (then ReLU), all of dtype t (f32 or bf16); bias and skip may be null.
void conv_forward(const ConvShape&, DType t, const void* x, const void* w, const void* bias, const void* skip,
                  bool relu, void* y, Scratch&);
// dx may be wider than dy and w: `out` is t or f32.
void conv_backward_input(const ConvShape&, DType t, const void* dy, const void* w, DType out, void* dx, Scratch&);
void conv_backward_weight(const ConvShape&, DType t, const void* dy, const void* x, void* dw, Scratch&);

// Element (r, c) lies at data[r * row_stride + c * column_stride]; one of the strides is 1.
struct Matrix {
  const void* data;
  int64_t rows, columns, row_stride, column_stride;
};
// y (row-major, row_stride) = a b (+ bias) (+ y, if add) (then ReLU); bias may be null.
void matmul(DType t, const Matrix& a, const Matrix& b, const void* bias, bool relu, bool add, void* y,
            int64_t row_stride, Scratch&);

// The implementations oneDNN takes for a convolution, "forward, backward_input, backward_weight"; for benchmarks.
std::string conv_implementations(const ConvShape&, DType t);

}  // namespace sil::cpu::onednn
