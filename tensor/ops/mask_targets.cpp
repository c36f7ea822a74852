#include "tensor/check.h"
#include "tensor/ops.h"
#include "tensor/ops/check_boxes.h"

namespace sil::ops {
namespace {

// Runs ascend inside each object and end inside its mask.  Read on the CPU only.
void check_runs(const Tensor& run_ends, const Tensor& run_begin, const Tensor& size) {
  if (run_ends.device().kind() != Device::Kind::cpu) return;
  const int32_t *ends = run_ends.data<int32_t>(), *begin = run_begin.data<int32_t>(), *extent = size.data<int32_t>();
  const int64_t objects = size.dim(0);
  check(begin[0] == 0 && begin[objects] == run_ends.numel(),
        "mask_targets: run_begin goes from {} to {}; 0 to {} expected", begin[0], begin[objects], run_ends.numel());
  for (int64_t g = 0; g < objects; ++g) {
    check(begin[g] <= begin[g + 1] && begin[g + 1] <= run_ends.numel(),
          "mask_targets: runs of object {} begin at {} and end at {} of {}", g, begin[g], begin[g + 1],
          run_ends.numel());
    const int64_t pixels = int64_t(extent[2 * g]) * extent[2 * g + 1];
    for (int64_t k = begin[g]; k < begin[g + 1]; ++k)
      check(ends[k] >= (k > begin[g] ? ends[k - 1] : 0) && ends[k] <= pixels,
            "mask_targets: object {} has a run that ends at {}; ascending ends up to {} ({} x {} pixels) expected", g,
            ends[k], pixels, extent[2 * g], extent[2 * g + 1]);
  }
}

}  // namespace

Tensor mask_targets(const Tensor& rois, const Tensor& object, const Tensor& run_ends, const Tensor& run_begin,
                    const Tensor& size, int64_t side) {
  check_boxes("mask_targets", "rois", rois);
  check(side >= 1, "mask_targets: side is {}; at least 1 expected", side);
  const int64_t objects = size.rank() == 2 ? size.dim(0) : 0;
  check_index("mask_targets", "size", size, {objects, 2}, "height, width of each mask", 0, INT32_MAX);
  check_ints("mask_targets", "run_begin", run_begin, {objects + 1}, "where each object's runs begin");
  check_ints("mask_targets", "run_ends", run_ends, {run_ends.rank() ? run_ends.dim(0) : 0}, "ends of runs");
  check_index("mask_targets", "object", object, {rois.dim(0)}, "whose mask", -1, objects - 1);
  check_runs(run_ends, run_begin, size);
  Tensor targets({rois.dim(0), side, side}, rois.dtype(), rois.device());
  Scratch scratch(rois.device());
  rois.device().kernels().mask_targets({}, rois, object, run_ends, run_begin, size, targets, scratch);
  return targets;
}

}  // namespace sil::ops
