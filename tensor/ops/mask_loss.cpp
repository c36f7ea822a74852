#include "tensor/check.h"
#include "tensor/ops.h"
#include "tensor/ops/arguments.h"
#include "tensor/ops/check_boxes.h"

namespace sil::ops {
namespace {

// Runs ascend inside each object and end inside its mask.  Read on the CPU only.
void check_runs(const MaskRuns& masks) {
  if (masks.ends.device().kind() != Device::Kind::cpu) return;
  const int32_t *ends = masks.ends.data<int32_t>(), *begin = masks.begin.data<int32_t>();
  const int32_t* extent = masks.size.data<int32_t>();
  const int64_t objects = masks.size.dim(0), all = masks.ends.numel();
  check(begin[0] == 0 && begin[objects] == all, "mask_loss: begin goes from {} to {}; 0 to {} expected", begin[0],
        begin[objects], all);
  for (int64_t g = 0; g < objects; ++g) {
    check(begin[g] <= begin[g + 1] && begin[g + 1] <= all,
          "mask_loss: runs of object {} begin at {} and end at {} of {}", g, begin[g], begin[g + 1], all);
    const int64_t pixels = int64_t(extent[2 * g]) * extent[2 * g + 1];
    for (int64_t k = begin[g]; k < begin[g + 1]; ++k)
      check(ends[k] >= (k > begin[g] ? ends[k - 1] : 0) && ends[k] <= pixels,
            "mask_loss: object {} has a run that ends at {}; ascending ends up to {} ({} x {} pixels) expected", g,
            ends[k], pixels, extent[2 * g], extent[2 * g + 1]);
  }
}

void check_masks(const MaskRuns& masks, const Tensor& object, const Tensor& logits) {
  const int64_t objects = masks.size.rank() == 2 ? masks.size.dim(0) : 0;
  check_index("mask_loss", "size", masks.size, {objects, 2}, "height, width of each mask", 0, INT32_MAX);
  check_ints("mask_loss", "begin", masks.begin, {objects + 1}, "where each object's runs begin");
  check_ints("mask_loss", "ends", masks.ends, {masks.ends.rank() ? masks.ends.dim(0) : 0}, "ends of runs");
  check_index("mask_loss", "object", object, {logits.dim(0)}, "whose mask", -1, objects - 1);
  want_same_device("mask_loss", "object", object, "logits", logits);
  want_same_device("mask_loss", "ends", masks.ends, "logits", logits);
  want_same_device("mask_loss", "begin", masks.begin, "logits", logits);
  want_same_device("mask_loss", "size", masks.size, "logits", logits);
  check_runs(masks);
}

}  // namespace

MaskLoss mask_loss(const Tensor& logits, const Tensor& labels, const Tensor& rois, const Tensor& object,
                   const MaskRuns& masks) {
  want_float("mask_loss", "logits", logits);
  want_rank("mask_loss", "logits", logits, 4, "[R, M, M, K]");
  check(logits.dim(1) == logits.dim(2) && logits.dim(1) >= 1,
        "mask_loss: logits is {}; [R, M, M, K], M at least 1, expected", logits.shape());
  want_same_device("mask_loss", "logits", logits, "labels", labels);
  check_index("mask_loss", "labels", labels, {logits.dim(0)}, "the class whose mask counts", INT32_MIN,
              logits.dim(3) - 1);
  check_boxes("mask_loss", "rois", rois);
  want_same_device("mask_loss", "logits", logits, "rois", rois);
  want_shape("mask_loss", "rois", rois, {logits.dim(0), 4}, "[R, 4]");
  want_dtype("mask_loss", "rois", rois, wide(logits.dtype()));
  check_masks(masks, object, logits);
  MaskLoss loss{Tensor({}, rois.dtype(), rois.device()),
                Tensor({logits.dim(0), logits.dim(1), logits.dim(2)}, rois.dtype(), rois.device())};
  Scratch scratch(logits.device());
  logits.device().kernels().mask_loss({}, logits, labels, rois, object, masks, loss.value, loss.slope, scratch);
  return loss;
}

Tensor mask_loss_backward(const Tensor& dy, const Tensor& slope, const Tensor& labels, int64_t classes, DType dtype) {
  want_rank("mask_loss_backward", "slope", slope, 3, "[R, M, M]");
  want_dtype("mask_loss_backward", "slope", slope, wide(dtype));
  want_alike("mask_loss_backward", "slope", slope, "dy", dy);
  check(dy.numel() == 1, "mask_loss_backward: dy is {}; one element expected", dy.shape());
  want_same_device("mask_loss_backward", "slope", slope, "labels", labels);
  check_index("mask_loss_backward", "labels", labels, {slope.dim(0)}, "the class whose mask counts", INT32_MIN,
              classes - 1);
  Tensor dlogits({slope.dim(0), slope.dim(1), slope.dim(2), classes}, dtype, slope.device());
  slope.device().kernels().mask_loss_backward({}, dy, slope, labels, dlogits);
  return dlogits;
}

}  // namespace sil::ops
