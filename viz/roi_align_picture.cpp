#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "viz/plot.h"
#include "viz/stage_parts.h"
#include "viz/stage_pictures.h"

namespace sil {
namespace {

// A RoI on its level: cells, bins and where each bin reads.
Panel roi_panel(const std::string& name, const Tensor& map, const Box<float>& roi, int level, int pooled, int samples) {
  const float scale = level_scale<float>(level);
  const RoiAxis<float> ax = roi_axis(roi.x1, roi.x2, scale, pooled), ay = roi_axis(roi.y1, roi.y2, scale, pooled);
  const int x0 = int(std::floor(ax.begin)) - 1, y0 = int(std::floor(ay.begin)) - 1;
  const int columns = int(std::ceil(ax.begin + ax.bin * float(pooled))) + 2 - x0;
  const int rows = int(std::ceil(ay.begin + ay.bin * float(pooled))) + 2 - y0;
  const int cell = std::clamp(420 / std::max(rows, columns), 4, 60);
  // Cell i has its centre at i: it covers i - 0.5 to i + 0.5.
  const auto px = [&](float x) { return int(std::lround((x - float(x0) + 0.5f) * float(cell))); };
  const auto py = [&](float y) { return int(std::lround((y - float(y0) + 0.5f) * float(cell))); };
  const auto [low, high] = extremes(map);
  const Tensor heat = heat_map(map, low, high);
  Canvas canvas = blank(columns * cell, rows * cell);
  for (int y = 0; y < rows; ++y)
    for (int x = 0; x < columns; ++x) {
      const int64_t fx = x0 + x, fy = y0 + y;
      const bool inside = fx >= 0 && fy >= 0 && fx < map.dim(1) && fy < map.dim(0);
      const uint8_t* c = inside ? heat.data<uint8_t>() + (fy * map.dim(1) + fx) * 3 : nullptr;
      canvas.fill({x * cell, y * cell, cell - 1, cell - 1}, inside ? Rgb{c[0], c[1], c[2]} : Rgb{200, 200, 200});
    }
  for (int i = 0; i <= pooled; ++i) {
    const float x = ax.begin + float(i) * ax.bin, y = ay.begin + float(i) * ay.bin;
    const int top = py(ay.begin), bottom = py(ay.begin + float(pooled) * ay.bin), left = px(ax.begin),
              right = px(ax.begin + float(pooled) * ax.bin);
    const int thick = i == 0 || i == pooled ? 3 : 1;
    canvas.fill({px(x) - thick / 2, top, thick, bottom - top}, kObject);
    canvas.fill({left, py(y) - thick / 2, right - left, thick}, kObject);
  }
  for (int i = 0; i < pooled * samples; ++i)
    for (int j = 0; j < pooled * samples; ++j) {
      const int x = px(roi_sample(ax, j / samples, j % samples, samples)),
                y = py(roi_sample(ay, i / samples, i % samples, samples));
      canvas.fill({x - 1, y - 1, 3, 3}, kMark);
    }
  return {canvas.pixels(), fmt::format("{}: {} x {} bins, {} samples each", name, pooled, pooled, samples * samples)};
}

}  // namespace

Tensor draw_roi_align(const StageMap& stages, const Tensor& roi, int finest) {
  const Box<float> box = box_at(roi.view({1, 4}), 0);
  const int place = roi_level(box, finest, 4), level = finest + place;
  const std::string name = fmt::format("p{}", 2 + place);
  const Tensor map = strength(stages.at(name));
  const Tensor photo = photo_of(stages);
  Canvas canvas(enlarge(photo, factor_of(photo)));
  canvas.frame(rect_of(roi.data<float>(), factor_of(photo)), 3, kObject);
  const int mask_bins = stages.contains("mask_features") ? int(stages.at("mask_features").dim(2)) : 14;
  return figure(
      "RoIAlign",
      fmt::format(
          "A RoI of {:.1f} x {:.1f} pixels belongs to level {} (floor(4 + log2(sqrt(area) / 224)), Lin et al. 2017, "
          "eq. 1), whose cells are {} pixels. Its bins are read at the orange points, each between four "
          "cells, and nothing is rounded to a cell (He et al. 2017, section 3).",
          box.x2 - box.x1, box.y2 - box.y1, level, 1 << level),
      {{canvas.pixels(), "the RoI"},
       roi_panel(name, map, box, level, 7, 2),
       roi_panel(name, map, box, level, mask_bins, 2)},
      3);
}

}  // namespace sil
