// The CPU's kernels, one file a concept; table.cpp puts them into the table.  Their types, and what they do, are
// tensor/kernels.h's.
#pragma once
#include "tensor/kernels.h"

namespace sil::cpu {

KernelFunction<decltype(Kernels::allocate)> allocate;
KernelFunction<decltype(Kernels::release)> release;
KernelFunction<decltype(Kernels::memory)> memory;
KernelFunction<decltype(Kernels::upload)> upload;
KernelFunction<decltype(Kernels::download)> download;
KernelFunction<decltype(Kernels::copy)> copy;
KernelFunction<decltype(Kernels::fill)> fill;
KernelFunction<decltype(Kernels::cast)> cast;
KernelFunction<decltype(Kernels::copy_block)> copy_block;
KernelFunction<decltype(Kernels::permute)> permute;
KernelFunction<decltype(Kernels::gather_rows)> gather_rows;
KernelFunction<decltype(Kernels::scatter_add_rows)> scatter_add_rows;
KernelFunction<decltype(Kernels::lookup)> lookup;
KernelFunction<decltype(Kernels::join_index)> join_index;
KernelFunction<decltype(Kernels::split_index)> split_index;
KernelFunction<decltype(Kernels::unary)> unary;
KernelFunction<decltype(Kernels::binary)> binary;
KernelFunction<decltype(Kernels::relu_backward)> relu_backward;
KernelFunction<decltype(Kernels::reduce)> reduce;
KernelFunction<decltype(Kernels::all_finite)> all_finite;
KernelFunction<decltype(Kernels::top_k)> top_k;
KernelFunction<decltype(Kernels::matmul)> matmul;
KernelFunction<decltype(Kernels::conv2d)> conv2d;
KernelFunction<decltype(Kernels::conv2d_backward_input)> conv2d_backward_input;
KernelFunction<decltype(Kernels::conv2d_backward_weight)> conv2d_backward_weight;
KernelFunction<decltype(Kernels::conv_transpose2d)> conv_transpose2d;
KernelFunction<decltype(Kernels::conv_transpose2d_backward_input)> conv_transpose2d_backward_input;
KernelFunction<decltype(Kernels::conv_transpose2d_backward_weight)> conv_transpose2d_backward_weight;
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
KernelFunction<decltype(Kernels::select_boxes)> select_boxes;
KernelFunction<decltype(Kernels::roi_align)> roi_align;
KernelFunction<decltype(Kernels::roi_align_backward)> roi_align_backward;
KernelFunction<decltype(Kernels::paste_mask)> paste_mask;
KernelFunction<decltype(Kernels::paste_runs)> paste_runs;
KernelFunction<decltype(Kernels::sgd)> sgd;
KernelFunction<decltype(Kernels::adamw)> adamw;
KernelFunction<decltype(Kernels::global_norm)> global_norm;

}  // namespace sil::cpu
