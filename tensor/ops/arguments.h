// What operations ask of their arguments, so that every message says it the same way: operation, argument, what was
// given, what was expected.
#pragma once
#include <vector>

#include "tensor/check.h"
#include "tensor/tensor.h"

namespace sil::ops {

void want_defined(const char* op, const char* name, const Tensor&);
// Defined, and float32, bfloat16, float64 (CPU) or float16 (CUDA).
void want_float(const char* op, const char* name, const Tensor&);
void want_dtype(const char* op, const char* name, const Tensor&, DType);
// Defined both, on one device, of one dtype.
void want_alike(const char* op, const char* name, const Tensor&, const char* other_name, const Tensor& other);
void want_same_device(const char* op, const char* name, const Tensor&, const char* other_name, const Tensor& other);
void want_same_shape(const char* op, const char* name, const Tensor&, const char* other_name, const Tensor& other);
// `meaning` says what the axes are: "[R, 4] (x1, y1, x2, y2)".
void want_rank(const char* op, const char* name, const Tensor&, int rank, const char* meaning);
void want_shape(const char* op, const char* name, const Tensor&, const Shape&, const char* meaning);
// The axis counted from 0; -1 is the innermost.
int want_axis(const char* op, const Tensor& x, int axis);

}  // namespace sil::ops
