// What is handed to cuDNN and cuBLAS, worked out by plain functions that tests call on machines without a GPU.
#pragma once
#include <initializer_list>

#include "tensor/kernels.h"

namespace sil::cuda {

// A product as cuBLAS sees it: matrices lie column by column, so a row-major y = a b is y^T = b^T a^T, and the operands
// swap.  c [m, n] = op(first) op(second), op(first) [m, k], op(second) [k, n]; `step` is a matrix's leading dimension.
struct GemmShape {
  bool first_transposed, second_transposed;  // first is b, second is a
  int m, n, k;
  int first_step, second_step, c_step;
};
GemmShape gemm_shape(In a, bool a_transposed, In b, bool b_transposed, In y);

// A tensor as cuDNN sees it: extents and steps in the order N, C, H, W, whatever lies innermost.
struct Nchw {
  int extent[4], step[4];
};
// A cross-correlation of x with w [K, C, kH, kW] that gives y.
struct ConvShapes {
  Nchw x, y;
  int w[4];
  int padding, stride, dilation;

  friend bool operator<(const ConvShapes&, const ConvShapes&);  // in some order: for a table of chosen algorithms
};
ConvShapes conv_shapes(In x, In w, In y, Conv2dGeom);
// The convolution whose gradient of its input a transposed convolution is: it leads from y to x.
ConvShapes conv_transpose_shapes(In x, In w, In y, int stride);

// What all addresses are a multiple of, in bytes: a power of two, at most 16, which is as much as the libraries ask
// for.
int common_alignment(std::initializer_list<const void*>);

}  // namespace sil::cuda
