#include "viz/stage_parts.h"

#include <algorithm>
#include <cmath>

#include "data/augmentations.h"
#include "tensor/ops.h"
#include "viz/plot.h"

namespace sil {

Tensor plane(const Tensor& stage, int64_t c) {
  const int64_t height = stage.dim(2), width = stage.dim(3);
  return ops::cast(stage.view({-1, height, width}).rows(c, c + 1), DType::f32).view({height, width});
}

Tensor photo_of(const StageMap& stages) {
  const Tensor& input = stages.at("input");
  const Normalize norm;
  Tensor photo({input.dim(2), input.dim(3), 3}, DType::u8);
  for (int64_t c = 0; c < 3; ++c) {
    const Tensor values = plane(input, c);
    for (int64_t i = 0; i < values.numel(); ++i) {
      const float x = values.data<float>()[i];  // 0 is padding, or a pixel that happens to be the mean
      const float v = x == 0 ? 0 : x * norm.std[size_t(c)] + norm.mean[size_t(c)];
      photo.data<uint8_t>()[i * 3 + c] = uint8_t(std::clamp(std::lround(255 * v), 0L, 255L));
    }
  }
  return photo;
}

int factor_of(const Tensor& photo) {
  constexpr int kPhotoSide = 480;  // pixels of its longer side in a figure, at least
  const int longer = int(std::max({photo.dim(0), photo.dim(1), int64_t(1)}));
  return std::max(1, (kPhotoSide + longer - 1) / longer);
}

Rect rect_of(const float* box, double scale) {
  const int x0 = int(std::lround(box[0] * scale)), y0 = int(std::lround(box[1] * scale));
  return {x0, y0, int(std::lround(box[2] * scale)) - x0, int(std::lround(box[3] * scale)) - y0};
}

Tensor strength(const Tensor& stage) {
  Tensor sum = Tensor::zeros({stage.dim(2), stage.dim(3)});
  float* to = sum.data<float>();
  for (int64_t c = 0; c < stage.dim(1); ++c) {
    const Tensor values = plane(stage, c);
    for (int64_t i = 0; i < sum.numel(); ++i) to[i] += std::abs(values.data<float>()[i]) / float(stage.dim(1));
  }
  return sum;
}

std::pair<float, float> extremes(const Tensor& values) {
  const std::vector<float> v = values.to_vector<float>();
  if (v.empty()) return {0, 0};
  const auto [low, high] = std::minmax_element(v.begin(), v.end());
  return {*low, *high};
}

Panel map_panel(const Tensor& values, double low, double high, const std::string& label, int side) {
  const int longer = int(std::max(values.dim(0), values.dim(1)));
  Canvas map(enlarge(heat_map(values, low, high), std::max(1, side / std::max(longer, 1))));
  map.frame({0, 0, map.width(), map.height()}, 1, {200, 205, 212});  // white maps have an edge, too
  return {map.pixels(), label};
}

Box<float> box_at(const Tensor& boxes, int64_t row) { return load_box<float>(boxes.data<float>() + 4 * row); }

Tensor nothing(const std::string& what) {
  Canvas canvas = blank(400, 60);
  draw_text(canvas, what, 8, 20, 16, kFaint);
  return canvas.pixels();
}

}  // namespace sil
