// What a device must be able to do: one struct of function pointers, filled by cpu/table.cpp and cuda/table.cu with
// designated initializers, so that a kernel forgotten on either side does not compile.
//
// Arguments are checked before they get here (tensor/ops); kernels never allocate: outputs are passed in, working
// memory comes from the Scratch they are given.  An undefined Tensor stands for an absent argument.
//
// Shorthand: N images, H x W pixels, C channels (NHWC), R rows, K classes, A anchors, G ground-truth objects.
// "float" means float32, bfloat16 (accumulating in float32) or, on the CPU, float64, on a GPU float16, the same in all
// arguments unless another dtype is named; boxes are x1, y1, x2, y2.
//
// Rows of several images lie in one tensor and say whose they are: `image` int32 [R], -1 for an empty row.  On the CPU
// rows are packed; on a GPU every image has a fixed number of rows, so that nothing returns to the host.  Kernels skip
// empty rows and write zeros for them, or -1 where an index is asked for.
#pragma once
#include <limits>
#include <span>
#include <type_traits>

#include "tensor/arena.h"
#include "tensor/rng.h"
#include "tensor/tensor.h"

namespace sil {

// Queue of a device; the CPU has one and ignores it.
struct Stream {
  void* handle = nullptr;
};

using In = const Tensor&;
using Out = Tensor&;
using InList = std::span<const Tensor>;
using OutList = std::span<Tensor>;

enum class Unary { neg, abs, exp, log, sqrt, square, reciprocal, sigmoid, relu };
enum class Binary { add, sub, mul, div, min, max };
enum class Reduce { sum, mean, max };

// Convolution of x [N, H, W, C] with w [O, kH, kW, I]; stride, zero padding and dilation equal on both axes.
struct Conv2dGeom {
  int stride = 1;
  int padding = 0;
  int dilation = 1;
};

struct MaxPoolGeom {
  int kernel = 1, stride = 1, padding = 0;
};

// He et al. 2017, section 3.  Output is pooled x pooled; `samples` reads per bin and axis; finest is the level that
// the first tensor of the pyramid is (2 for p2: scale 1/4).  A RoI's level follows Lin et al. 2017, eq. 1.
struct RoiAlignGeom {
  static constexpr int kMaxSamples = 8;
  int pooled = 7;
  int samples = 2;
  int finest = 2;
};

// Ren et al. 2015, section 3.1.2; torchvision's BoxCoder.
struct BoxCoderGeom {
  float wx = 1, wy = 1, ww = 1, wh = 1;      // weights of dx, dy, dw, dh
  double max_log_scale = 4.135166556742356;  // dw, dh clipped above: log(1000 / 16)
};

// Which anchors or proposals are positive: IoU >= foreground; negative: < background; between: ignored.  Overlaps are
// float32 and meet the thresholds in float32, as torch compares a tensor with a number.
struct MatcherGeom {
  float foreground = 0.7f, background = 0.3f;
  bool low_quality = true;  // each object's best rows (ties kept) become positive whatever their IoU
};

struct SamplerGeom {
  int per_image = 256;
  double positive = 0.5;  // at most this share of the samples, rounded down

  int64_t most_positive() const { return int64_t(per_image * positive); }
};

// What was drawn: int32, image by image and in the order of rows; -1 behind.
struct SampleOut {
  Out rows, labels;  // [S], S = min(R, images * per_image); a negative row's label is 0
  Out positive;      // [S+], S+ = min(R, images * most_positive): places in `rows` of those that are matched
  Out count;         // [1]: how many rows
};

// How a photo becomes the model's input: each channel less its mean, over its deviation, resized to height x width.
struct PhotoGeom {
  int64_t height, width;
  float mean[3], std[3];
};

// Which candidates take part in non-maximum suppression, and when two boxes are one.
struct NmsGeom {
  float min_side = 0;
  double threshold = 0.5;                                       // an IoU
  float score_above = -std::numeric_limits<float>::infinity();  // NaN is above nothing
};

// Masks of G objects as column-major runs, as in COCO.
struct MaskRuns {
  Tensor ends;   // int32: where each object's runs end, objects in order, ascending from 0 in each, zeros first
  Tensor begin;  // int32 [G + 1]: where each object's runs begin in `ends`
  Tensor size;   // int32 [G, 2]: height, width
};

// What changes from step to step lies on the device, so that a step can be recorded once and replayed.
struct StepNumbers {
  Tensor rate;   // float64 [1]: the learning rate
  Tensor steps;  // int64 [1]: how many there were, this one included
  Tensor norm;   // float32 [1], of all gradients, or absent: gradients count min(1, max_norm / (norm + 1e-6)) times; if
                 // it is not finite nothing is changed
  double max_norm = 0;
};

// Factors are float64 until a kernel rounds what it multiplies by: 1 - 0.999f is 1.3e-5 off.
struct SgdStep {
  double momentum, weight_decay;
  bool first;  // torch's form: the first step sets the buffer to the gradient
};

struct AdamWStep {
  double beta1, beta2, epsilon, weight_decay;
  int64_t behind;  // so many of the steps were without these parameters: their bias corrections count the others
};

struct Kernels {
  // -- memory ---------------------------------------------------------------------------------------------------------
  void* (*allocate)(size_t bytes);  // nullptr if there is none
  void (*release)(void*);
  void (*memory)(size_t& free, size_t& total);  // of the device, in bytes
  void (*upload)(Stream, const void* host, void* device, size_t bytes);
  void (*download)(Stream, const void* device, void* host, size_t bytes);  // waits for what is queued
  // The same in two parts, between which more may be queued; the second waits for the first's place in the queue alone,
  // and frees what the first returned.  host may be null: not wanted any more.
  void* (*begin_download)(Stream, const void* device, size_t bytes);
  void (*finish_download)(void* begun, void* host, size_t bytes);
  // Between begin and end what is queued is written down and not done; replay queues all of it, end_recording returns
  // it, to be discarded at last.  Null on the CPU.  uploads and downloads are an Error meanwhile.
  void (*begin_recording)(Stream);
  void* (*end_recording)(Stream);
  void (*replay)(Stream, void* recorded);
  void (*discard)(void* recorded);
  void (*copy)(Stream, In x, Out y);
  void (*fill)(Stream, double value, Out y);
  void (*cast)(Stream, In x, Out y);  // to bfloat16: nearest even; to integers: toward zero

  // -- movement: any dtype --------------------------------------------------------------------------------------------
  // y[.., y_begin + i, ..] = x[.., x_begin + i, ..] along `axis`, i < count; other extents equal.  Slices, concat, pad.
  void (*copy_block)(Stream, In x, int64_t x_begin, Out y, int64_t y_begin, int64_t count, int axis);
  // y's axis i is x's axis perm[i].
  void (*permute)(Stream, In x, std::span<const int> perm, Out y);
  // y[m] = x[index[m]] along the outermost axis; index int32 [M]; negative: zeros.
  void (*gather_rows)(Stream, In x, In index, Out y);
  // x[index[m]] += dy[m], in the order of m; negative skipped.  float.
  void (*scatter_add_rows)(Stream, In dy, In index, Out x, Scratch&);

  // -- indices: int32; a negative one means none, and none stays none (-1) --------------------------------------------
  void (*arange)(Stream, Out y);                      // y[m] = m
  void (*lookup)(Stream, In table, In index, Out y);  // y[m] = table[index[m]]
  // y[m] = outer[m] * extent + inner[m]: a row of two axes seen as one, the inner one that long.
  void (*join_index)(Stream, In outer, In inner, int64_t extent, Out y);
  void (*split_index)(Stream, In index, int64_t extent, Out outer, Out inner);  // the way back
  void (*increment)(Stream, Out counter);                                       // int64, one element

  // -- elementwise: float ---------------------------------------------------------------------------------------------
  void (*unary)(Stream, Unary, In x, Out y);                    // y may be x
  void (*binary)(Stream, Binary, In a, In b, Out y);            // broadcasts; y may be an argument of y's shape
  void (*relu_backward)(Stream, In dy, In more, In y, Out dx);  // dx = dy (+ more) where y > 0, else 0
  // Over the axes marked in `axes` (bit i: axis i), which have extent 1 in y.
  void (*reduce)(Stream, Reduce, In x, unsigned axes, Out y, Scratch&);
  // ok int32 [1]: 1 if no element of x is NaN or infinite.
  void (*all_finite)(Stream, In x, Out ok);

  // -- order ----------------------------------------------------------------------------------------------------------
  // x float [R, M]: per row the k largest, descending; equal values keep their order, NaN last.
  // counts int32 [R] or absent: only the first counts[r] elements take part.
  // values [R, k]; index int32 [R, k], -1 and value 0 where a row has fewer than k.
  void (*top_k)(Stream, In x, In counts, Out values, Out index, Scratch&);

  // -- dense: float ---------------------------------------------------------------------------------------------------
  // y [M, N] = a b (+ bias [N]) (then ReLU); a is [M, K] or, transposed, [K, M]; b is [K, N] or, transposed, [N, K].
  void (*matmul)(Stream, In a, bool a_transposed, In b, bool b_transposed, In bias, bool relu, Out y, Scratch&);
  // y [N, P, Q, O] = conv(x, w) (+ bias [O]) (+ skip, shape of y) (then ReLU).
  void (*conv2d)(Stream, In x, In w, In bias, In skip, bool relu, Out y, Conv2dGeom, Scratch&);
  void (*conv2d_backward_input)(Stream, In dy, In w, Out dx, Conv2dGeom, Scratch&);
  void (*conv2d_backward_weight)(Stream, In dy, In x, Out dw, Conv2dGeom, Scratch&);
  // Transposed convolution, no padding: x [N, H, W, I], w [I, kH, kW, O], y [N, (H-1)*stride + kH, .., O].
  void (*conv_transpose2d)(Stream, In x, In w, In bias, bool relu, Out y, int stride, Scratch&);
  void (*conv_transpose2d_backward_input)(Stream, In dy, In w, Out dx, int stride, Scratch&);
  void (*conv_transpose2d_backward_weight)(Stream, In dy, In x, Out dw, int stride, Scratch&);

  // -- photos ---------------------------------------------------------------------------------------------------------
  // y float32 [H, W, 3]: the photo, uint8 (over 255) or float32 [h, w, 3], normalised, then resized (bilinear,
  // align_corners = false, no antialias), zeros to the right and below.  torchvision's GeneralizedRCNNTransform.
  void (*normalize_photo)(Stream, In photo, Out y, PhotoGeom);

  // -- pooling and resampling: float ----------------------------------------------------------------------------------
  // index int32, shape of y: position iy * W + ix of the maximum in its image and channel (the first of equals).
  void (*max_pool)(Stream, In x, Out y, Out index, MaxPoolGeom);
  void (*max_pool_backward)(Stream, In dy, In index, Out dx, MaxPoolGeom, Scratch&);
  // y = fine + nearest(coarse): source row floor(i * h / H).  Lin et al. 2017, fig. 3.  `fine` may be absent.
  void (*upsample_add)(Stream, In coarse, In fine, Out y);
  void (*upsample_backward)(Stream, In dy, Out dcoarse);  // sum over the pixels that read each source

  // -- normalisation: x float [N, H, W, C], scale and shift [C]; statistics float32 (float64 for float64) -------------
  // Ioffe, Szegedy 2015, alg. 1.  mean, inv_std [C] of the batch (biased variance) are written.
  void (*batch_norm)(Stream, In x, In scale, In shift, float eps, Out y, Out mean, Out inv_std, Scratch&);
  void (*batch_norm_backward)(Stream, In dy, In x, In scale, In mean, In inv_std, Out dx, Out dscale, Out dshift,
                              Scratch&);
  // y = x * a + b per channel (then ReLU): batch norm with running statistics.  a, b: of the statistics' dtype.
  void (*channel_affine)(Stream, In x, In a, In b, bool relu, Out y);
  // Wu, He 2018.  mean, inv_std [N, groups].
  void (*group_norm)(Stream, In x, In scale, In shift, int groups, float eps, Out y, Out mean, Out inv_std, Scratch&);
  void (*group_norm_backward)(Stream, In dy, In x, In scale, In mean, In inv_std, int groups, Out dx, Out dscale,
                              Out dshift, Scratch&);

  // -- losses: float; labels int32, rows with a negative one take no part; loss [1], 0 if no row takes part -----------
  // The gradient is written beside the loss, not scaled by dy.
  // logits [R, K], labels [R]: mean over the rows of -log softmax.
  void (*softmax_cross_entropy)(Stream, In logits, In labels, Out loss, Out dlogits, Scratch&);
  // logits [R], labels [R] in {0, 1, negative}: mean of binary cross-entropy.
  void (*sigmoid_bce)(Stream, In logits, In labels, Out loss, Out dlogits, Scratch&);
  // x, target [R, D], labels [R]: sum of smooth L1(beta) / denominator [1], 0 if that is 0; rows that take no part are
  // not read.  Girshick 2015, eq. 3; beta 0 is L1.
  void (*smooth_l1)(Stream, In x, In target, In labels, In denominator, double beta, Out loss, Out dx, Scratch&);
  // He et al. 2017, section 3: binary cross-entropy of one class's logits with the object's mask in the RoI, mean over
  // the rows that take part x M^2.  logits [R, M, M, K]; labels int32 [R], the class whose mask counts; rois [R, 4] and
  // object int32 [R], whose mask: RoIAlign (scale 1, adaptive sampling) of its runs is the target, soft and never
  // stored.  loss and rois are float32, of float64 logits float64; slope [R, M, M] of their dtype: the loss's
  // derivative for each logit of a label, from which mask_loss_backward makes dlogits = slope * dy [1], else 0.
  void (*mask_loss)(Stream, In logits, In labels, In rois, In object, const MaskRuns&, Out loss, Out slope, Scratch&);
  void (*mask_loss_backward)(Stream, In dy, In slope, In labels, Out dlogits);
  void (*softmax)(Stream, In x, Out y);  // along the innermost axis

  // -- boxes: float32 (float64 on the CPU) ----------------------------------------------------------------------------
  // anchors [A, 4] of one image: per level l, grid cell (y, x), base box b: base[l][b] shifted by (x, y) * stride[l].
  // base: per level [B_l, 4]; grid, stride int32 [L, 2] as (height, width) on the host.
  void (*make_anchors)(Stream, InList base, In grid, In stride, Out anchors);
  void (*encode_boxes)(Stream, In boxes, In reference, Out deltas, BoxCoderGeom);  // [R, 4] each
  // deltas [R, K * 4] around reference [R, 4] -> boxes [R, K * 4], clipped to sizes (int32 [N, 2] height, width) of the
  // row's image.  sizes absent: not clipped.
  void (*decode_boxes)(Stream, In deltas, In reference, In image, In sizes, Out boxes, BoxCoderGeom);
  // Best object of each row and what it means.  boxes [R, 4] with image [R], or [A, 4] without: the same for every
  // image, R = N * A.  truth [G, 4] with truth_image [G].  matched int32 [R]: the row of truth, -1 negative, -2
  // ignored. An image without objects is all negative.  Ren et al. 2015, section 3.1.2.
  void (*match_boxes)(Stream, In boxes, In image, In truth, In truth_image, int64_t images, Out matched, MatcherGeom,
                      Scratch&);
  // Draws, per image, at most positive * per_image rows with matched >= 0, then negatives up to per_image.
  // matched int32 [R]; image int32 [R], or absent: each image has as many rows, in order; labels int32 [G]: of what is
  // matched, or absent: 1.  Every subset of a kind is equally likely; the draw follows from the key (int64 [1], an
  // RngKey's state) alone.
  void (*sample)(Stream, In matched, In image, In labels, int64_t images, In key, const SampleOut&, SamplerGeom,
                 Scratch&);
  // Candidates of each image: boxes [N, M, 4], scores [N, M], groups int32 [N, M], not negative: levels or classes.
  // Those with a side under min_side or a score that is not above score_above are left out; of the others, best first
  // and equal scores in order, those that no kept one of their group overlaps by more than the threshold.  rows int32
  // [N, limit]: places in M, -1 behind the last.
  void (*nms)(Stream, In boxes, In scores, In groups, Out rows, NmsGeom, Scratch&);

  // -- RoIs: float ----------------------------------------------------------------------------------------------------
  // y [R, P, P, C]: mean of samples^2 bilinear reads in each bin; the row's level is found inside, so no row moves.
  // pyramid: [N, H_l, W_l, C], scale of level l is 2^-(finest + l); rois float32 or float64 [R, 4]; image int32 [R].
  void (*roi_align)(Stream, InList pyramid, In rois, In image, Out y, RoiAlignGeom);
  void (*roi_align_backward)(Stream, In dy, In rois, In image, OutList dpyramid, RoiAlignGeom, Scratch&);
  // Pastes one soft mask [M, M] into its box of a height x width image: pad 1, expand, bilinear, >= threshold.
  // bits uint8 [W, H], column-major as RLE wants it; float32 [W, H]: the values before the threshold.
  void (*paste_mask)(Stream, In mask, In box, float threshold, Out bits);
  // The same for masks [D, M, M] and boxes [D, 4] at once, each into its photo (size int32 [D, 2]: height, width; fewer
  // than 2^31 pixels), as the column-major runs of the bits, which are never stored: ends int32 [D, capacity] as in
  // MaskRuns, the last the photo's.  count int32 [D]: how many runs there are; above capacity, those beyond are lost.
  void (*paste_runs)(Stream, In masks, In boxes, In size, float threshold, Out ends, Out count, Scratch&);

  // -- optimizers: lists of parameters, gradients and state, all of one dtype -----------------------------------------
  void (*sgd)(Stream, OutList w, InList g, OutList momentum, const StepNumbers&, SgdStep);
  void (*adamw)(Stream, OutList w, InList g, OutList m, OutList v, const StepNumbers&, AdamWStep);
  // norm float32 [1]: the 2-norm of all gradients together.
  void (*global_norm)(Stream, InList g, Out norm, Scratch&);
};

// The type of the function that an entry points to, to declare it by: KernelFunction<decltype(Kernels::fill)> fill.
template <class Pointer>
using KernelFunction = std::remove_pointer_t<Pointer>;

// Filled by cpu/ and, in a build that has it, cuda/; null without CUDA.
const Kernels& cpu_kernels();
const Kernels* cuda_kernels();
// cuda/'s kernels on the host; memory, convolutions and matrix products are the given table's.
Kernels simt_kernels(const Kernels& cpu);

}  // namespace sil
