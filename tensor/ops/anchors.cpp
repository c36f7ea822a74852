#include "tensor/check.h"
#include "tensor/ops.h"
#include "tensor/ops/check_boxes.h"

namespace sil::ops {

Tensor make_anchors(const std::vector<Tensor>& base, const Tensor& grid, const Tensor& stride) {
  const int64_t levels = int64_t(base.size());
  check(levels > 0, "make_anchors: base has no level; one tensor [B, 4] a level expected");
  check_index("make_anchors", "grid", grid, {levels, 2}, "height, width of each level", 0, INT32_MAX);
  check_index("make_anchors", "stride", stride, {levels, 2}, "height, width of each level", 0, INT32_MAX);
  check(grid.device() == Device::cpu() && stride.device() == Device::cpu(),
        "make_anchors: grid is on {}, stride on {}; the CPU expected", grid.device().str(), stride.device().str());
  int64_t rows = 0;
  for (int64_t l = 0; l < levels; ++l) {
    check_boxes("make_anchors", "base", base[size_t(l)]);
    check_like("make_anchors", "base", base[size_t(l)], "its first level", base[0]);
    const int32_t* cells = grid.data<int32_t>() + 2 * l;
    rows += int64_t(cells[0]) * cells[1] * base[size_t(l)].dim(0);
  }
  Tensor anchors({rows, 4}, base[0].dtype(), base[0].device());
  anchors.device().kernels().make_anchors({}, base, grid, stride, anchors);
  return anchors;
}

}  // namespace sil::ops
