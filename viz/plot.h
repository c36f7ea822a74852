// Charts over the unit square: axes from 0 to 1, curves, dots, bars, a legend beside them.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tensor/tensor.h"
#include "viz/canvas.h"
#include "viz/colour.h"

namespace sil {

using Point = std::pair<double, double>;  // x, y; y grows upwards

struct Curve {
  std::string label;  // in the legend; none if empty
  std::vector<Point> points;
  Rgb colour;
  double width = 2;  // pixels
};

struct Bar {
  double left = 0, right = 1, height = 0;
  std::string label;  // above it
  Rgb colour;
};

struct Chart {
  std::string title, subtitle, x_label, y_label, legend_title;
  std::vector<Bar> bars;  // behind the curves
  std::vector<Curve> curves;
  struct Dot {
    Point at;
    std::string label;
  };
  std::optional<Dot> dot;
};

// uint8 [680, 940, 3].
Tensor draw(const Chart&);

// A white picture.
Canvas blank(int width, int height);
// Text that reads upwards; x, y: top left corner of what it covers, `size` wide and text_width high.
void draw_text_upwards(Canvas&, const std::string&, int x, int y, int size, Rgb ink);

}  // namespace sil
