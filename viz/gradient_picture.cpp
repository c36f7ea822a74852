#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tensor/ops.h"
#include "viz/plot.h"
#include "viz/stage_parts.h"
#include "viz/stage_pictures.h"

namespace sil {
namespace {

struct GradientRow {
  std::string name;
  double size;  // root of the mean square
};

const char* const kParts[] = {"backbone.body", "backbone.fpn", "rpn", "roi_heads.box", "roi_heads.mask"};

int part_of(const std::string& name) {
  for (int i = 0; i < 5; ++i)
    if (name.starts_with(kParts[i])) return i;
  return 5;
}

}  // namespace

Tensor draw_gradients(const StageMap& stages) {
  std::vector<GradientRow> rows;
  for (const auto& [stage, gradient] : stages) {
    if (!stage.starts_with("grad.") || !stage.ends_with(".weight") || gradient.numel() == 0) continue;
    const double mean = ops::reduce(Reduce::mean, ops::square(ops::cast(gradient, DType::f64)).view({-1}), {0}).item();
    rows.push_back({stage.substr(5, stage.size() - 12), std::sqrt(mean)});
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const GradientRow& a, const GradientRow& b) { return part_of(a.name) < part_of(b.name); });
  double least = 1e300, most = 1e-300;
  for (const GradientRow& r : rows)
    if (r.size > 0) least = std::min(least, r.size), most = std::max(most, r.size);
  if (rows.empty() || least > most)
    return figure("Gradients", "No gradient reached a weight.", {{nothing("none"), ""}}, 1);

  const int low = int(std::floor(std::log10(least))), high = std::max(low + 1, int(std::ceil(std::log10(most))));
  constexpr int kRow = 15, kText = 12, kBars = 460;
  int left = 0;
  for (const GradientRow& r : rows) left = std::max(left, text_width(r.name, kText));
  left += 8;
  const int bottom = int(rows.size()) * kRow;
  Canvas canvas = blank(left + kBars + 40, bottom + 24);
  for (int d = low; d <= high; ++d) {
    const int x = left + (d - low) * kBars / (high - low);
    canvas.fill({x, 0, 1, bottom}, {226, 229, 234});
    draw_text(canvas, fmt::format("1e{}", d), x - 10, bottom + 6, kText, kFaint);
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const int y = int(i) * kRow;
    draw_text(canvas, rows[i].name, left - 8 - text_width(rows[i].name, kText), y + 1, kText, kInk);
    if (rows[i].size <= 0) continue;
    const double share = (std::log10(rows[i].size) - low) / (high - low);
    canvas.fill({left, y + 2, std::max(1, int(share * kBars)), kRow - 4}, object_colour(part_of(rows[i].name), 0));
  }
  return figure(
      "Gradients",
      "The root mean square of each weight's gradient in this step, on a logarithmic scale; one colour each for the "
      "backbone, the pyramid, the region proposal network, the box head and the mask head. Frozen layers have none.",
      {{canvas.pixels(), ""}}, 1);
}

}  // namespace sil
