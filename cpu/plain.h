// Direct loops in float64 for what oneDNN does in float32 and bfloat16: for gradient checks and as a reference.
#pragma once
#include "cpu/conv_shape.h"

namespace sil::cpu::plain {

// bias and skip may be null.
void conv_forward(const ConvShape&, const double* x, const double* w, const double* bias, const double* skip, bool relu,
                  double* y);
void conv_backward_input(const ConvShape&, const double* dy, const double* w, double* dx);
void conv_backward_weight(const ConvShape&, const double* dy, const double* x, double* dw);

// y [m, n] = a b (+ bias) (then ReLU); a [m, k] or, transposed, [k, m]; b [k, n] or, transposed, [n, k].
void matmul(int64_t m, int64_t n, int64_t k, const double* a, bool a_transposed, const double* b, bool b_transposed,
            const double* bias, bool relu, double* y);

}  // namespace sil::cpu::plain
