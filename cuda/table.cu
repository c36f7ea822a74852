#include "cuda/gpu.h"
#ifndef __CUDACC__
#include "cuda/bad_luck.h"
#include "cuda/recording.h"
#endif

namespace sil {
namespace SIL_GPU {

Kernels with_kernels(const Kernels& library) {
  return {
      .allocate = library.allocate,
      .release = library.release,
      .memory = library.memory,
      .upload = library.upload,
      .download = library.download,
      .begin_download = library.begin_download,
      .finish_download = library.finish_download,
      .begin_recording = library.begin_recording,
      .end_recording = library.end_recording,
      .replay = library.replay,
      .discard = library.discard,
      .copy = library.copy,
      .fill = SIL_GPU::fill,
      .cast = SIL_GPU::cast,
      .copy_block = SIL_GPU::copy_block,
      .permute = SIL_GPU::permute,
      .gather_rows = SIL_GPU::gather_rows,
      .scatter_add_rows = SIL_GPU::scatter_add_rows,
      .arange = SIL_GPU::arange,
      .lookup = SIL_GPU::lookup,
      .join_index = SIL_GPU::join_index,
      .split_index = SIL_GPU::split_index,
      .increment = SIL_GPU::increment,
      .unary = SIL_GPU::unary,
      .binary = SIL_GPU::binary,
      .relu_backward = SIL_GPU::relu_backward,
      .reduce = SIL_GPU::reduce,
      .all_finite = SIL_GPU::all_finite,
      .top_k = SIL_GPU::top_k,
      .matmul = library.matmul,
      .conv2d = library.conv2d,
      .conv2d_backward_input = library.conv2d_backward_input,
      .conv2d_backward_weight = library.conv2d_backward_weight,
      .conv_transpose2d = library.conv_transpose2d,
      .conv_transpose2d_backward_input = library.conv_transpose2d_backward_input,
      .conv_transpose2d_backward_weight = library.conv_transpose2d_backward_weight,
      .normalize_photo = SIL_GPU::normalize_photo,
      .max_pool = SIL_GPU::max_pool,
      .max_pool_backward = SIL_GPU::max_pool_backward,
      .upsample_add = SIL_GPU::upsample_add,
      .upsample_backward = SIL_GPU::upsample_backward,
      .batch_norm = SIL_GPU::batch_norm,
      .batch_norm_backward = SIL_GPU::batch_norm_backward,
      .channel_affine = SIL_GPU::channel_affine,
      .group_norm = SIL_GPU::group_norm,
      .group_norm_backward = SIL_GPU::group_norm_backward,
      .softmax_cross_entropy = SIL_GPU::softmax_cross_entropy,
      .sigmoid_bce = SIL_GPU::sigmoid_bce,
      .smooth_l1 = SIL_GPU::smooth_l1,
      .mask_loss = SIL_GPU::mask_loss,
      .mask_loss_backward = SIL_GPU::mask_loss_backward,
      .softmax = SIL_GPU::softmax,
      .make_anchors = SIL_GPU::make_anchors,
      .encode_boxes = SIL_GPU::encode_boxes,
      .decode_boxes = SIL_GPU::decode_boxes,
      .match_boxes = SIL_GPU::match_boxes,
      .sample = SIL_GPU::sample,
      .nms = SIL_GPU::nms,
      .roi_align = SIL_GPU::roi_align,
      .roi_align_backward = SIL_GPU::roi_align_backward,
      .paste_mask = SIL_GPU::paste_mask,
      .paste_runs = SIL_GPU::paste_runs,
      .sgd = SIL_GPU::sgd,
      .adamw = SIL_GPU::adamw,
      .global_norm = SIL_GPU::global_norm,
  };
}

}  // namespace SIL_GPU

#ifndef __CUDACC__
Kernels simt_kernels(const Kernels& cpu) {
  Kernels library = simt::unlucky(cpu);
  simt::add_recording(library);
  return simt::with_kernels(library);
}
#endif

}  // namespace sil
