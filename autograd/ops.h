// Differentiable operations.  Each is one function: forward, and a closure with the backward; see autograd/var.h.
// Every one has a row in tests/autograd/cases_*.cpp, which a test enforces.
// Shapes and meaning: tensor/ops.h, tensor/kernels.h.
#pragma once
#include "autograd/var.h"
#include "tensor/ops.h"

namespace sil {

// -- movement ---------------------------------------------------------------------------------------------------------
Var view(const Var& x, const Shape&);
Var permute(const Var& x, const std::vector<int>& perm);
Var slice(const Var& x, int axis, int64_t begin, int64_t end);
Var concat(const std::vector<Var>& parts, int axis);
Var pad(const Var& x, int axis, int64_t before, int64_t after);
Var gather_rows(const Var& x, const Tensor& index);
Var cast(const Var& x, DType);  // the gradient is cast back

// -- elementwise ------------------------------------------------------------------------------------------------------
Var add(const Var& a, const Var& b);  // add, sub, mul, div broadcast
Var sub(const Var& a, const Var& b);
Var mul(const Var& a, const Var& b);
Var div(const Var& a, const Var& b);
Var scale(const Var& x, double factor);
Var relu(const Var& x);
Var sigmoid(const Var& x);
Var exp(const Var& x);
Var log(const Var& x);
Var sqrt(const Var& x);
Var square(const Var& x);
Var sum(const Var& x, const std::vector<int>& axes, bool keep_axes = false);
Var mean(const Var& x, const std::vector<int>& axes, bool keep_axes = false);

// -- dense ------------------------------------------------------------------------------------------------------------
Var matmul(const Var& a, const Var& b, bool a_transposed = false, bool b_transposed = false);
// y [M, O] = x [M, I] w^T (+ bias) (then ReLU); w [O, I].
Var linear(const Var& x, const Var& w, const Var& bias = {}, bool relu = false);
// y = relu(conv(x, w) + bias + skip), one kernel; every part but x and w may be absent.
Var conv2d(const Var& x, const Var& w, Conv2dGeom, const Var& bias = {}, const Var& skip = {}, bool relu = false);
Var conv_transpose2d(const Var& x, const Var& w, int stride, const Var& bias = {}, bool relu = false);

// -- pooling and resampling -------------------------------------------------------------------------------------------
Var max_pool(const Var& x, MaxPoolGeom);
Var upsample_add(const Var& coarse, const Var& fine);
Var upsample_nearest(const Var& x, int64_t height, int64_t width);

// -- normalisation ----------------------------------------------------------------------------------------------------
// Training: statistics of the batch, which the caller folds into the running ones.
struct BatchNormed {
  Var y;
  Tensor mean, inv_std;  // [C]
};
BatchNormed batch_norm(const Var& x, const Var& scale, const Var& shift, float eps);
// With given statistics: y = (x - mean) * inv_std * scale + shift.
Var batch_norm_given(const Var& x, const Var& scale, const Var& shift, const Tensor& mean, const Tensor& inv_std);
Var group_norm(const Var& x, const Var& scale, const Var& shift, int groups, float eps);

// -- losses: shape [] -------------------------------------------------------------------------------------------------
Var softmax_cross_entropy(const Var& logits, const Tensor& labels);
Var sigmoid_bce(const Var& logits, const Tensor& labels);
Var smooth_l1(const Var& x, const Tensor& target, const Tensor& labels, const Tensor& denominator, double beta);
Var mask_loss(const Var& logits, const Tensor& labels, const Tensor& rois, const Tensor& object, const MaskRuns&);

// -- RoIs -------------------------------------------------------------------------------------------------------------
// Rois are Tensors: no gradient reaches the boxes.
Var roi_align(const std::vector<Var>& pyramid, const Tensor& rois, const Tensor& image, RoiAlignGeom);

}  // namespace sil
