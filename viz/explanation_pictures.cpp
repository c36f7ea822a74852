#include "viz/explanation_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "viz/plot.h"

namespace sil {
namespace {

constexpr Rgb kInk{40, 44, 52}, kFaint{110, 116, 128};

// Precision at each recall threshold; empty where no class has an object.
std::vector<double> precisions(const Accumulated& x, size_t t, std::optional<size_t> category) {
  std::vector<double> out;
  for (size_t r = 0; r < x.R; ++r) {
    double sum = 0;
    int n = 0;
    for (size_t k = category.value_or(0); k < (category ? *category + 1 : x.K); ++k) {
      const double v = x.precision[(((t * x.R + r) * x.K + k) * x.A) * x.M + x.M - 1];
      if (v < 0) continue;
      sum += v;
      ++n;
    }
    if (n > 0) out.push_back(sum / n);
  }
  return out;
}

Curve curve_of(const std::vector<double>& recalls, const std::vector<double>& precision, const std::string& label,
               Rgb colour) {
  Curve out{label, {}, colour, 2.4};
  for (size_t r = 0; r < precision.size(); ++r) out.points.emplace_back(recalls[r], precision[r]);
  return out;
}

double mean(const std::vector<double>& x) {
  double sum = 0;
  for (double v : x) sum += v;
  return x.empty() ? -1 : sum / double(x.size());
}

std::string counted(int64_t n, const char* what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

// 950, 12k, 3.4M
std::string shortened(int64_t n) {
  if (n < 10'000) return fmt::format("{}", n);
  if (n < 1'000'000) return fmt::format("{}k", n / 1000);
  return fmt::format("{:.1f}M", double(n) / 1e6);
}

std::string cut(const std::string& name, int size, int width) {
  if (text_width(name, size) <= width) return name;
  std::string out = name;
  while (!out.empty() && text_width(out + "…", size) > width) {
    do out.pop_back();
    while (!out.empty() && (out.back() & 0xC0) == 0x80);  // whole characters
    if (!out.empty() && (out.back() & 0xC0) == 0xC0) out.pop_back();
  }
  return out + "…";
}

}  // namespace

Tensor draw_curves(const Accumulated& x, const Protocol& p, const Explanation& explanation,
                   std::optional<size_t> category) {
  Chart chart;
  chart.x_label = "recall";
  chart.y_label = "precision";
  chart.legend_title = "IoU            AP";
  int64_t objects = 0, detections = 0;
  for (size_t k = category.value_or(0); k < (category ? *category + 1 : explanation.classes.size()); ++k) {
    objects += explanation.classes[k].objects;
    detections += explanation.classes[k].detections;
  }
  chart.title = category ? cut(explanation.classes[*category].name, 24, 480) : "all classes";
  chart.title += fmt::format(", {}", explanation.type);
  chart.subtitle = fmt::format("{}, {}", counted(objects, "object"), counted(detections, "detection"));

  const size_t step = (x.T + 19) / 20;  // what a legend holds
  for (size_t t = 0; t < x.T; t += step) {
    const std::vector<double> y = precisions(x, t, category);
    const std::string ap = y.empty() ? "none" : fmt::format("{:.3f}", mean(y));
    chart.curves.push_back(curve_of(p.recall_thresholds, y, fmt::format("{:.2f}    {}", p.iou_thresholds[t], ap),
                                    sequence_colour(x.T > 1 ? double(t) / double(x.T - 1) : 0)));
  }
  std::ranges::reverse(chart.curves);  // the loosest threshold is drawn over the others
  if (category)
    if (const auto& best = explanation.classes[*category].best)
      chart.dot = {{best->recall, best->precision},
                   fmt::format("best F1 {:.2f} from score {:.2f}", best->f1, best->score)};
  return draw(chart);
}

Tensor draw_confusion(const Explanation& x) {
  const int n = int(x.confusion.size());
  constexpr int named = 300, widest = 4000;  // more classes get cells too small for names: 4,000 pixels, or one each
  const bool names = n - 1 <= named;
  const int cell = names ? std::clamp(760 / n, 13, 72) : std::max(1, widest / n);
  const int text = std::clamp(cell - 3, 10, 16), line = cell > 2;
  const auto label = [&](int i) { return i + 1 < n ? cut(x.classes[size_t(i)].name, text, 190) : "background"; };
  int margin = 0;
  for (int i = 0; names && i < n; ++i) margin = std::max(margin, text_width(label(i), text));
  const int left = margin + 54, top = margin + 118, side = n * cell;
  Canvas canvas = blank(left + side + 40, top + side + 40);
  draw_text(canvas, fmt::format("confusion, {}", x.type), 24, 18, 24, kInk);
  draw_text(canvas, "shade: share of the row", 24, 50, 16, kFaint);
  draw_text(canvas, "found as", left, top - margin - 32, 16, kFaint);
  draw_text_upwards(canvas, "there was", 14, top + side - text_width("there was", 16), 16, kFaint);
  canvas.fill({left - 1, top - 1, side, side}, {235, 238, 242});  // lines between the cells
  for (int i = 0; i < n; ++i) {
    const std::vector<int64_t> row = x.confusion.row(size_t(i));
    const int64_t sum = std::accumulate(row.begin(), row.end(), int64_t(0));
    for (int k = 0; k < n; ++k) {
      const int64_t count = row[size_t(k)];
      const Rgb colour = heat_colour(sum == 0 ? 0 : double(count) / double(sum));
      const Rect place{left + k * cell, top + i * cell, cell - line, cell - line};
      canvas.fill(place, colour);
      const std::string number = shortened(count);
      const int size = std::min(16, cell / 3), width = text_width(number, size);
      if (count > 0 && size >= 9 && width + 2 < cell)
        draw_text(canvas, number, place.x + (cell - width) / 2, place.y + (cell - size) / 2, size, ink_on(colour));
    }
    if (!names) continue;
    draw_text(canvas, label(i), left - 8 - text_width(label(i), text), top + i * cell + (cell - text) / 2, text, kInk);
    draw_text_upwards(canvas, label(i), left + i * cell + (cell - text) / 2, top - 8 - text_width(label(i), text), text,
                      kInk);
  }
  canvas.frame({left - 1, top - 1, side + 2 - line, side + 2 - line}, 1, {150, 156, 166});
  return canvas.pixels();
}

Tensor draw_calibration(const Explanation& x) {
  const Calibration& c = x.calibration;
  Chart chart;
  chart.title = fmt::format("calibration, {}", x.type);
  chart.subtitle =
      fmt::format("ECE {:.3f}; above the bars how many detections, {} in all", c.ece, shortened(c.detections));
  chart.x_label = "score";
  chart.y_label = "share that is right";
  for (const Calibration::Bin& bin : c.bins)
    if (bin.detections > 0)
      chart.bars.push_back({bin.low, bin.high, bin.precision, shortened(bin.detections), sequence_colour(.4)});
  chart.curves.push_back({"as it should be", {{0, 0}, {1, 1}}, {150, 156, 166}, 2});
  return draw(chart);
}

}  // namespace sil
