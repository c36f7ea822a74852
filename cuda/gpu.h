// The launchers of this folder's kernels, one .cu a family; table.cu puts them into the table.  Their types, and what
// they do, are tensor/kernels.h's.
#pragma once
#include <type_traits>

#include "cuda/simt.h"

namespace sil::SIL_GPU {

template <class Pointer>
using Like = std::remove_pointer_t<Pointer>;

Like<decltype(Kernels::fill)> fill;
Like<decltype(Kernels::cast)> cast;
Like<decltype(Kernels::copy_block)> copy_block;
Like<decltype(Kernels::permute)> permute;
Like<decltype(Kernels::gather_rows)> gather_rows;
Like<decltype(Kernels::scatter_add_rows)> scatter_add_rows;
Like<decltype(Kernels::unary)> unary;
Like<decltype(Kernels::binary)> binary;
Like<decltype(Kernels::relu_backward)> relu_backward;
Like<decltype(Kernels::reduce)> reduce;
Like<decltype(Kernels::all_finite)> all_finite;
Like<decltype(Kernels::top_k)> top_k;
Like<decltype(Kernels::max_pool)> max_pool;
Like<decltype(Kernels::max_pool_backward)> max_pool_backward;
Like<decltype(Kernels::upsample_add)> upsample_add;
Like<decltype(Kernels::upsample_backward)> upsample_backward;
Like<decltype(Kernels::batch_norm)> batch_norm;
Like<decltype(Kernels::batch_norm_backward)> batch_norm_backward;
Like<decltype(Kernels::channel_affine)> channel_affine;
Like<decltype(Kernels::group_norm)> group_norm;
Like<decltype(Kernels::group_norm_backward)> group_norm_backward;
Like<decltype(Kernels::softmax_cross_entropy)> softmax_cross_entropy;
Like<decltype(Kernels::sigmoid_bce)> sigmoid_bce;
Like<decltype(Kernels::smooth_l1)> smooth_l1;
Like<decltype(Kernels::mask_bce)> mask_bce;
Like<decltype(Kernels::softmax)> softmax;
Like<decltype(Kernels::make_anchors)> make_anchors;
Like<decltype(Kernels::encode_boxes)> encode_boxes;
Like<decltype(Kernels::decode_boxes)> decode_boxes;
Like<decltype(Kernels::match_boxes)> match_boxes;
Like<decltype(Kernels::sample)> sample;
Like<decltype(Kernels::nms)> nms;
Like<decltype(Kernels::roi_align)> roi_align;
Like<decltype(Kernels::roi_align_backward)> roi_align_backward;
Like<decltype(Kernels::mask_targets)> mask_targets;
Like<decltype(Kernels::paste_mask)> paste_mask;
Like<decltype(Kernels::sgd)> sgd;
Like<decltype(Kernels::adamw)> adamw;
Like<decltype(Kernels::global_norm)> global_norm;

// y = y + bias (+ skip) (then ReLU); bias [C] and skip, of y's shape, may be absent.  float.
void epilogue(Stream, In bias, In skip, bool relu, Out y);

// The table of which `library` has memory, convolutions and matrix products, and this folder's kernels the rest.
Kernels with_kernels(const Kernels& library);

}  // namespace sil::SIL_GPU
