#include "tensor/check.h"
#include "tensor/geometry.h"
#include "tensor/ops.h"

namespace sil::ops {
namespace {

Tensor paste(const char* op, const Tensor& mask, const Tensor& box, int64_t height, int64_t width, float threshold,
             DType dtype) {
  check(mask.defined() && mask.rank() == 2 && mask.dim(0) == mask.dim(1) && mask.dim(0) >= 1 &&
            mask.dim(0) <= kMaxPasteSide && mask.dtype() == DType::f32,
        "{}: mask is {} {}; float32 [M, M], M from 1 to {}, expected", op, name(mask.dtype()), mask.shape(),
        kMaxPasteSide);
  check(box.defined() && box.numel() == 4 && box.dtype() == DType::f32,
        "{}: box is {} {}; float32 [4] (x1, y1, x2, y2) expected", op, name(box.dtype()), box.shape());
  check(height >= 0 && width >= 0, "{}: the photo is {} x {}; a height and width of at least 0 expected", op, height,
        width);
  Tensor bits({width, height}, dtype, mask.device());
  mask.device().kernels().paste_mask({}, mask, box, threshold, bits);
  return bits;
}

}  // namespace

Tensor paste_mask(const Tensor& mask, const Tensor& box, int64_t height, int64_t width, float threshold) {
  return paste("paste_mask", mask, box, height, width, threshold, DType::u8);
}

Tensor paste_soft_mask(const Tensor& mask, const Tensor& box, int64_t height, int64_t width) {
  return paste("paste_soft_mask", mask, box, height, width, 0, DType::f32);
}

}  // namespace sil::ops
