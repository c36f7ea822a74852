#include "viz/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sil {
namespace {

constexpr Rgb kInk{40, 44, 52}, kFaint{110, 116, 128}, kGrid{226, 229, 234}, kAxis{150, 156, 166};
constexpr int kWidth = 940, kHeight = 680;
constexpr Rect kArea{84, 84, 620, 510};  // where the unit square lies
constexpr int kTick = 15, kLabel = 17, kTitle = 24, kSmall = 14;

struct Pixel {
  double x, y;
};

Pixel place(Point p) { return {kArea.x + p.first * kArea.width, kArea.y + (1 - p.second) * kArea.height}; }

double distance(Pixel p, Pixel a, Pixel b) {
  const double dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
  const double t = length == 0 ? 0 : std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length, 0.0, 1.0);
  return std::hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

// How much of each pixel a shape covers; where its parts overlap the most, so that joints are not darker.
class Ink {
 public:
  Ink(int width, int height) : width_(width), height_(height), cover_(size_t(width) * size_t(height)) {}

  void segment(Pixel a, Pixel b, double thickness) {
    const double reach = thickness / 2 + 1;
    const int x0 = std::max(int(std::min(a.x, b.x) - reach), 0),
              x1 = std::min(int(std::max(a.x, b.x) + reach) + 1, width_);
    const int y0 = std::max(int(std::min(a.y, b.y) - reach), 0),
              y1 = std::min(int(std::max(a.y, b.y) + reach) + 1, height_);
    for (int y = y0; y < y1; ++y)
      for (int x = x0; x < x1; ++x) {
        const double d = distance({x + .5, y + .5}, a, b);
        float& c = cover_[size_t(y) * size_t(width_) + size_t(x)];
        c = std::max(c, float(std::clamp(thickness / 2 + .5 - d, 0.0, 1.0)));
      }
  }

  void onto(Canvas& canvas, Rgb colour) const {
    for (int y = 0; y < height_; ++y)
      for (int x = 0; x < width_; ++x)
        if (const float c = cover_[size_t(y) * size_t(width_) + size_t(x)]; c > 0) canvas.blend(y, x, colour, c);
  }

 private:
  int width_, height_;
  std::vector<float> cover_;
};

void draw_axes(Canvas& canvas, const Chart& chart) {
  for (int i = 0; i <= 10; ++i) {
    const Pixel p = place({i / 10.0, i / 10.0});
    const int x = int(std::lround(p.x)), y = int(std::lround(p.y));
    canvas.fill({x, kArea.y, 1, kArea.height}, kGrid);
    canvas.fill({kArea.x, y, kArea.width, 1}, kGrid);
    if (i % 2) continue;
    const std::string text = fmt::format("{:.1f}", i / 10.0);
    const int width = text_width(text, kTick);
    draw_text(canvas, text, x - width / 2, kArea.y + kArea.height + 10, kTick, kFaint);
    draw_text(canvas, text, kArea.x - width - 10, y - kTick / 2, kTick, kFaint);
    canvas.fill({x, kArea.y + kArea.height, 1, 6}, kAxis);
    canvas.fill({kArea.x - 6, y, 6, 1}, kAxis);
  }
  canvas.frame({kArea.x, kArea.y, kArea.width + 1, kArea.height + 1}, 1, kAxis);
  draw_text(canvas, chart.title, kArea.x, 18, kTitle, kInk);
  draw_text(canvas, chart.subtitle, kArea.x, 50, kLabel, kFaint);
  draw_text(canvas, chart.x_label, kArea.x + (kArea.width - text_width(chart.x_label, kLabel)) / 2,
            kArea.y + kArea.height + 38, kLabel, kInk);
  draw_text_upwards(canvas, chart.y_label, 14, kArea.y + (kArea.height - text_width(chart.y_label, kLabel)) / 2, kLabel,
                    kInk);
}

void draw_bar(Canvas& canvas, const Bar& bar) {
  const Pixel low = place({bar.left, 0}), high = place({bar.right, bar.height});
  const int x = int(std::lround(low.x)) + 2, y = int(std::lround(high.y));
  const int width = int(std::lround(high.x)) - x - 1;
  canvas.fill({x, y, width, kArea.y + kArea.height - y}, bar.colour);
  draw_text(canvas, bar.label, x + (width - text_width(bar.label, kSmall)) / 2, y - kSmall - 4, kSmall, kFaint);
}

void draw_curve(Canvas& canvas, const Curve& curve) {
  Ink ink(canvas.width(), canvas.height());
  for (size_t i = 0; i + 1 < curve.points.size(); ++i)
    ink.segment(place(curve.points[i]), place(curve.points[i + 1]), curve.width);
  ink.onto(canvas, curve.colour);
}

void draw_dot(Canvas& canvas, const Chart::Dot& dot) {
  const Pixel p = place(dot.at);
  for (const auto& [size, colour] : {std::pair{15.0, Rgb{255, 255, 255}}, {11.0, kInk}}) {
    Ink ink(canvas.width(), canvas.height());
    ink.segment(p, p, size);
    ink.onto(canvas, colour);
  }
  const int width = text_width(dot.label, kSmall) + 12, height = kSmall + 8;
  const int x = std::clamp(int(p.x) + 10, kArea.x + 4, kArea.x + kArea.width - width - 4);
  const int y = std::clamp(int(p.y) - height - 8, kArea.y + 4, kArea.y + kArea.height - height - 4);
  canvas.fill({x, y, width, height}, {255, 255, 255}, .85);
  draw_text(canvas, dot.label, x + 6, y + 4, kSmall, kInk);
}

void draw_legend(Canvas& canvas, const Chart& chart) {
  const int x = kArea.x + kArea.width + 22, step = 24;
  int y = kArea.y + 2;
  draw_text(canvas, chart.legend_title, x, y, kTick, kFaint);
  for (const Curve& curve : chart.curves) {
    if (curve.label.empty()) continue;
    y += step;
    Ink ink(canvas.width(), canvas.height());
    ink.segment({x + 2.0, y + 8.0}, {x + 26.0, y + 8.0}, 4);
    ink.onto(canvas, curve.colour);
    draw_text(canvas, curve.label, x + 36, y, kTick, kInk);
  }
}

}  // namespace

Canvas blank(int width, int height) {
  Tensor pixels({height, width, 3}, DType::u8);
  std::fill_n(pixels.data<uint8_t>(), pixels.numel(), uint8_t(255));
  return Canvas(pixels);
}

void draw_text_upwards(Canvas& canvas, const std::string& text, int x, int y, int size, Rgb ink) {
  const Canvas flat = [&] {
    Canvas c = blank(std::max(text_width(text, size), 1), size);
    draw_text(c, text, 0, 0, size, {0, 0, 0});
    return c;
  }();
  const uint8_t* from = flat.pixels().data<uint8_t>();
  for (int i = 0; i < flat.height(); ++i)
    for (int j = 0; j < flat.width(); ++j)
      canvas.blend(y + flat.width() - 1 - j, x + i, ink, 1 - from[(i * flat.width() + j) * 3] / 255.0);
}

Tensor draw(const Chart& chart) {
  Canvas canvas = blank(kWidth, kHeight);
  draw_axes(canvas, chart);
  for (const Bar& bar : chart.bars) draw_bar(canvas, bar);
  for (const Curve& curve : chart.curves) draw_curve(canvas, curve);
  if (chart.dot) draw_dot(canvas, *chart.dot);
  draw_legend(canvas, chart);
  return canvas.pixels();
}

}  // namespace sil
