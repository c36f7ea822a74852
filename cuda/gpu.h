// The launchers of this folder's kernels, one .cu a family; table.cu puts them into the table.  Their types, and what
// they do, are tensor/kernels.h's.
#pragma once
#include "cuda/simt.h"

namespace sil::SIL_GPU {

KernelFunction<decltype(Kernels::fill)> fill;
KernelFunction<decltype(Kernels::cast)> cast;
KernelFunction<decltype(Kernels::copy_block)> copy_block;
KernelFunction<decltype(Kernels::permute)> permute;
KernelFunction<decltype(Kernels::gather_rows)> gather_rows;
KernelFunction<decltype(Kernels::scatter_add_rows)> scatter_add_rows;
KernelFunction<decltype(Kernels::arange)> arange;
KernelFunction<decltype(Kernels::lookup)> lookup;
KernelFunction<decltype(Kernels::join_index)> join_index;
KernelFunction<decltype(Kernels::split_index)> split_index;
KernelFunction<decltype(Kernels::increment)> increment;
KernelFunction<decltype(Kernels::unary)> unary;
KernelFunction<decltype(Kernels::binary)> binary;
KernelFunction<decltype(Kernels::relu_backward)> relu_backward;
KernelFunction<decltype(Kernels::reduce)> reduce;
KernelFunction<decltype(Kernels::all_finite)> all_finite;
KernelFunction<decltype(Kernels::top_k)> top_k;
KernelFunction<decltype(Kernels::normalize_photo)> normalize_photo;
KernelFunction<decltype(Kernels::max_pool)> max_pool;
KernelFunction<decltype(Kernels::max_pool_backward)> max_pool_backward;
KernelFunction<decltype(Kernels::upsample_add)> upsample_add;
KernelFunction<decltype(Kernels::upsample_backward)> upsample_backward;
KernelFunction<decltype(Kernels::batch_norm)> batch_norm;
KernelFunction<decltype(Kernels::batch_norm_backward)> batch_norm_backward;
KernelFunction<decltype(Kernels::channel_affine)> channel_affine;
KernelFunction<decltype(Kernels::group_norm)> group_norm;
KernelFunction<decltype(Kernels::group_norm_backward)> group_norm_backward;
KernelFunction<decltype(Kernels::softmax_cross_entropy)> softmax_cross_entropy;
KernelFunction<decltype(Kernels::sigmoid_bce)> sigmoid_bce;
KernelFunction<decltype(Kernels::smooth_l1)> smooth_l1;
KernelFunction<decltype(Kernels::mask_loss)> mask_loss;
KernelFunction<decltype(Kernels::mask_loss_backward)> mask_loss_backward;
KernelFunction<decltype(Kernels::softmax)> softmax;
KernelFunction<decltype(Kernels::make_anchors)> make_anchors;
KernelFunction<decltype(Kernels::encode_boxes)> encode_boxes;
KernelFunction<decltype(Kernels::decode_boxes)> decode_boxes;
KernelFunction<decltype(Kernels::match_boxes)> match_boxes;
KernelFunction<decltype(Kernels::sample)> sample;
KernelFunction<decltype(Kernels::nms)> nms;
KernelFunction<decltype(Kernels::roi_align)> roi_align;
KernelFunction<decltype(Kernels::roi_align_backward)> roi_align_backward;
KernelFunction<decltype(Kernels::paste_mask)> paste_mask;
KernelFunction<decltype(Kernels::paste_runs)> paste_runs;
KernelFunction<decltype(Kernels::sgd)> sgd;
KernelFunction<decltype(Kernels::adamw)> adamw;
KernelFunction<decltype(Kernels::global_norm)> global_norm;

// y = y + bias (+ skip) (then ReLU); bias [C] and skip, of y's shape, may be absent.  float.
void epilogue(Stream, In bias, In skip, bool relu, Out y);

// The table of which `library` has memory, convolutions and matrix products, and this folder's kernels the rest.
Kernels with_kernels(const Kernels& library);

}  // namespace sil::SIL_GPU
