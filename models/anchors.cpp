#include "models/anchors.h"

#include <cmath>

#include "tensor/ops.h"

namespace sil {

Tensor base_anchors(float size, const std::array<float, 3>& ratios) {
  std::vector<float> boxes;
  for (float ratio : ratios) {
    const float tall = std::sqrt(ratio), wide = 1 / tall;
    const float w = wide * size, h = tall * size;
    for (float side : {-w, -h, w, h}) boxes.push_back(std::nearbyint(side / 2));
  }
  return Tensor::of<float>({int64_t(ratios.size()), 4}, boxes);
}

std::vector<Tensor> base_anchors(const ModelConfig& config) {
  std::vector<Tensor> base;
  for (float size : config.anchor_sizes) base.push_back(base_anchors(size, config.anchor_ratios));
  return base;
}

Tensor make_anchors(const std::vector<Shape>& pyramid, int64_t padded_height, int64_t padded_width,
                    const std::vector<Tensor>& base) {
  std::vector<int32_t> grid, stride;
  for (size_t l = 0; l < pyramid.size(); ++l) {
    const int64_t height = pyramid[l][1], width = pyramid[l][2];
    grid.insert(grid.end(), {int32_t(height), int32_t(width)});
    stride.insert(stride.end(), {int32_t(padded_height / height), int32_t(padded_width / width)});
  }
  const int64_t levels = int64_t(pyramid.size());
  return ops::make_anchors(base, Tensor::of({levels, 2}, grid), Tensor::of({levels, 2}, stride));
}

}  // namespace sil
