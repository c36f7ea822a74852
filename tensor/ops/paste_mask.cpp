#include "tensor/check.h"
#include "tensor/geometry.h"
#include "tensor/ops.h"
#include "tensor/ops/arguments.h"
#include "tensor/ops/check_boxes.h"

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
  want_same_device(op, "box", box, "mask", mask);
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

PastedRuns paste_runs(const Tensor& masks, const Tensor& boxes, const Tensor& size, float threshold, int64_t capacity) {
  want_dtype("paste_runs", "masks", masks, DType::f32);
  want_rank("paste_runs", "masks", masks, 3, "[D, M, M]");
  check(masks.dim(1) == masks.dim(2) && masks.dim(1) >= 1 && masks.dim(1) <= kMaxPasteSide,
        "paste_runs: masks is {}; [D, M, M], M from 1 to {}, expected", masks.shape(), kMaxPasteSide);
  want_alike("paste_runs", "masks", masks, "boxes", boxes);
  want_shape("paste_runs", "boxes", boxes, {masks.dim(0), 4}, "[D, 4] (x1, y1, x2, y2)");
  want_same_device("paste_runs", "masks", masks, "size", size);
  check_index("paste_runs", "size", size, {masks.dim(0), 2}, "height, width of each photo", 0, INT32_MAX);
  check(capacity >= 1 && capacity <= INT32_MAX, "paste_runs: capacity is {}; 1 to {} runs expected", capacity,
        INT32_MAX);
  for (int64_t d = 0; size.device().kind() == Device::Kind::cpu && d < masks.dim(0); ++d) {
    const int32_t* photo = size.data<int32_t>() + 2 * d;
    check(int64_t(photo[0]) * photo[1] <= INT32_MAX, "paste_runs: photo {} is {} x {}; at most {} pixels expected", d,
          photo[0], photo[1], INT32_MAX);
  }
  PastedRuns runs{Tensor({masks.dim(0), capacity}, DType::i32, masks.device()),
                  Tensor({masks.dim(0)}, DType::i32, masks.device())};
  Scratch scratch(masks.device());
  masks.device().kernels().paste_runs({}, masks, boxes, size, threshold, runs.ends, runs.count, scratch);
  return runs;
}

}  // namespace sil::ops
