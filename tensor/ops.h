// Validated, gradient-free operations: each checks its arguments (an Error names the operation, what was given and what
// was expected), allocates the result on its arguments' device and calls the kernel of tensor/kernels.h, where shapes
// and meaning are documented.  Arguments of one call share device and, where nothing else is said, dtype.
#pragma once
#include <utility>
#include <vector>

#include "tensor/kernels.h"

namespace sil::ops {

// -- movement ---------------------------------------------------------------------------------------------------------
Tensor cast(const Tensor& x, DType);  // x itself if it has that dtype
Tensor permute(const Tensor& x, const std::vector<int>& perm);
Tensor transpose(const Tensor& x);                                     // [M, N] -> [N, M]
Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end);   // a copy; axis 0 alone: Tensor::rows
Tensor concat(const std::vector<Tensor>& parts, int axis);             // at least one part
Tensor pad(const Tensor& x, int axis, int64_t before, int64_t after);  // with zeros
Tensor gather_rows(const Tensor& x, const Tensor& index);
Tensor scatter_add_rows(const Tensor& dy, const Tensor& index, int64_t rows);  // into zeros
Tensor arange(int64_t count, Device = Device::cpu());                          // int32: 0, 1, ...
Tensor lookup(const Tensor& table, const Tensor& index);
Tensor join_index(const Tensor& outer, const Tensor& inner, int64_t extent);
std::pair<Tensor, Tensor> split_index(const Tensor& index, int64_t extent);  // outer, inner
void increment(Tensor& counter);
void assign(Tensor& y, const Tensor& x);  // y's elements become x's: one shape, dtype and device

// -- elementwise ------------------------------------------------------------------------------------------------------
Tensor unary(Unary, const Tensor& x);
Tensor binary(Binary, const Tensor& a, const Tensor& b);
inline Tensor neg(const Tensor& x) { return unary(Unary::neg, x); }
inline Tensor exp(const Tensor& x) { return unary(Unary::exp, x); }
inline Tensor log(const Tensor& x) { return unary(Unary::log, x); }
inline Tensor sqrt(const Tensor& x) { return unary(Unary::sqrt, x); }
inline Tensor square(const Tensor& x) { return unary(Unary::square, x); }
inline Tensor sigmoid(const Tensor& x) { return unary(Unary::sigmoid, x); }
inline Tensor relu(const Tensor& x) { return unary(Unary::relu, x); }
inline Tensor add(const Tensor& a, const Tensor& b) { return binary(Binary::add, a, b); }
inline Tensor sub(const Tensor& a, const Tensor& b) { return binary(Binary::sub, a, b); }
inline Tensor mul(const Tensor& a, const Tensor& b) { return binary(Binary::mul, a, b); }
inline Tensor div(const Tensor& a, const Tensor& b) { return binary(Binary::div, a, b); }
Tensor scale(const Tensor& x, double factor);
void add_into(Tensor& sum, const Tensor& x);                                       // sum += x, shapes equal
Tensor relu_backward(const Tensor& dy, const Tensor& y, const Tensor& more = {});  // of dy (+ more)
Tensor reduce(Reduce, const Tensor& x, const std::vector<int>& axes, bool keep_axes = false);
Tensor sum(const Tensor& x);                         // over all axes: shape []
Tensor sum_to(const Tensor& x, const Shape& shape);  // the adjoint of broadcasting `shape` to x's
bool all_finite(const Tensor& x);

// -- order ------------------------------------------------------------------------------------------------------------
struct TopK {
  Tensor values, index;
};
TopK top_k(const Tensor& x, int64_t k, const Tensor& counts = {});  // k may exceed the row: the row, sorted, then -1
TopK sort_descending(const Tensor& x);                              // stable

// -- dense ------------------------------------------------------------------------------------------------------------
Tensor matmul(const Tensor& a, const Tensor& b, bool a_transposed = false, bool b_transposed = false,
              const Tensor& bias = {}, bool relu = false);
Tensor conv2d(const Tensor& x, const Tensor& w, Conv2dGeom, const Tensor& bias = {}, const Tensor& skip = {},
              bool relu = false);
Tensor conv2d_backward_input(const Tensor& dy, const Tensor& w, const Shape& x, Conv2dGeom);
Tensor conv2d_backward_weight(const Tensor& dy, const Tensor& x, const Shape& w, Conv2dGeom);
Tensor conv_transpose2d(const Tensor& x, const Tensor& w, int stride, const Tensor& bias = {}, bool relu = false);
Tensor conv_transpose2d_backward_input(const Tensor& dy, const Tensor& w, const Shape& x, int stride);
Tensor conv_transpose2d_backward_weight(const Tensor& dy, const Tensor& x, const Shape& w, int stride);

// -- pooling and resampling -------------------------------------------------------------------------------------------
struct MaxPool {
  Tensor y, index;
};
MaxPool max_pool(const Tensor& x, MaxPoolGeom);
Tensor max_pool_backward(const Tensor& dy, const Tensor& index, const Shape& x, MaxPoolGeom);
Tensor upsample_add(const Tensor& coarse, const Tensor& fine);  // to fine's size
Tensor upsample_nearest(const Tensor& x, int64_t height, int64_t width);
Tensor upsample_backward(const Tensor& dy, const Shape& coarse);

// -- normalisation ----------------------------------------------------------------------------------------------------
struct Norm {
  Tensor y, mean, inv_std;
};
struct NormGrads {
  Tensor dx, dscale, dshift;
};
Norm batch_norm(const Tensor& x, const Tensor& scale, const Tensor& shift, float eps);
NormGrads batch_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& scale, const Norm&);
Tensor channel_affine(const Tensor& x, const Tensor& a, const Tensor& b, bool relu = false);
Norm group_norm(const Tensor& x, const Tensor& scale, const Tensor& shift, int groups, float eps);
NormGrads group_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& scale, const Norm&, int groups);

// -- losses: the value, shape [], and its gradient with respect to the first argument ---------------------------------
struct Loss {
  Tensor value, gradient;
};
Loss softmax_cross_entropy(const Tensor& logits, const Tensor& labels);
Loss sigmoid_bce(const Tensor& logits, const Tensor& labels);
Loss smooth_l1(const Tensor& x, const Tensor& target, const Tensor& labels, const Tensor& denominator, double beta);
struct MaskLoss {
  Tensor value, slope;
};
MaskLoss mask_loss(const Tensor& logits, const Tensor& labels, const Tensor& rois, const Tensor& object,
                   const MaskRuns&);
Tensor mask_loss_backward(const Tensor& dy, const Tensor& slope, const Tensor& labels, int64_t classes, DType);
Tensor softmax(const Tensor& x);

// -- photos -----------------------------------------------------------------------------------------------------------
// The batch [N, height, width, 3]; photos and how each is read, as Kernels::normalize_photo.
Tensor normalize_photos(const std::vector<Tensor>& photos, const std::vector<PhotoGeom>&, int64_t height,
                        int64_t width);

// -- boxes ------------------------------------------------------------------------------------------------------------
Tensor make_anchors(const std::vector<Tensor>& base, const Tensor& grid, const Tensor& stride);
Tensor encode_boxes(const Tensor& boxes, const Tensor& reference, BoxCoderGeom);
Tensor decode_boxes(const Tensor& deltas, const Tensor& reference, BoxCoderGeom, const Tensor& image = {},
                    const Tensor& sizes = {});
Tensor match_boxes(const Tensor& boxes, const Tensor& image, const Tensor& truth, const Tensor& truth_image,
                   int64_t images, MatcherGeom);
struct Sampled {
  Tensor rows, labels, positive, count;
};
Sampled sample(const Tensor& matched, const Tensor& image, const Tensor& labels, int64_t images, const Tensor& key,
               SamplerGeom);
Tensor nms(const Tensor& boxes, const Tensor& scores, const Tensor& groups, int64_t limit, NmsGeom);

// -- RoIs -------------------------------------------------------------------------------------------------------------
Tensor roi_align(const std::vector<Tensor>& pyramid, const Tensor& rois, const Tensor& image, RoiAlignGeom);
std::vector<Tensor> roi_align_backward(const Tensor& dy, const Tensor& rois, const Tensor& image,
                                       const std::vector<Shape>& pyramid, RoiAlignGeom);
Tensor paste_mask(const Tensor& mask, const Tensor& box, int64_t height, int64_t width, float threshold);
Tensor paste_soft_mask(const Tensor& mask, const Tensor& box, int64_t height, int64_t width);  // float32 [W, H]
struct PastedRuns {
  Tensor ends, count;
};
PastedRuns paste_runs(const Tensor& masks, const Tensor& boxes, const Tensor& size, float threshold, int64_t capacity);

// -- optimizers -------------------------------------------------------------------------------------------------------
void sgd(std::vector<Tensor>& w, const std::vector<Tensor>& g, std::vector<Tensor>& momentum, const StepNumbers&,
         SgdStep);
void adamw(std::vector<Tensor>& w, const std::vector<Tensor>& g, std::vector<Tensor>& m, std::vector<Tensor>& v,
           const StepNumbers&, AdamWStep);
Tensor global_norm(const std::vector<Tensor>& g);

}  // namespace sil::ops
