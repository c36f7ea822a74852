#include "viz/figure.h"

#include <algorithm>
#include <sstream>

#include "tensor/check.h"
#include "viz/plot.h"

namespace sil {
namespace {

constexpr Rgb kInk{40, 44, 52}, kFaint{110, 116, 128};
constexpr int kMargin = 24, kGap = 16, kTitle = 24, kName = 14, kCaption = 15, kNarrowest = 640;

// Words of a text in lines of at most `width` pixels; a line break of the text stays one.
std::vector<std::string> lines_of(const std::string& text, int size, int width) {
  std::vector<std::string> lines;
  std::istringstream paragraphs(text);
  for (std::string paragraph; std::getline(paragraphs, paragraph);) {
    std::istringstream words(paragraph);
    std::string line;
    for (std::string word; words >> word;) {
      const std::string longer = line.empty() ? word : line + " " + word;
      if (!line.empty() && text_width(longer, size) > width)
        lines.push_back(std::exchange(line, word));
      else
        line = longer;
    }
    lines.push_back(line);
  }
  return lines;
}

struct Grid {
  std::vector<int> x, y;  // left edges of columns, tops of rows; one more: the end
};

Grid grid_of(const std::vector<Panel>& panels, int columns, int top) {
  const size_t wide = std::min(size_t(columns), panels.size()),
               rows = (panels.size() + wide - 1) / std::max<size_t>(wide, 1);
  std::vector<int> width(wide), height(rows);
  for (size_t i = 0; i < panels.size(); ++i) {
    int& w = width[i % wide];
    w = std::max({w, int(panels[i].picture.dim(1)), text_width(panels[i].name, kName)});
    height[i / wide] = std::max(height[i / wide], int(panels[i].picture.dim(0)) + kName + 6);
  }
  Grid g{{kMargin}, {top}};
  for (int w : width) g.x.push_back(g.x.back() + w + kGap);
  for (int h : height) g.y.push_back(g.y.back() + h + kGap);
  return g;
}

}  // namespace

Tensor figure(const std::string& title, const std::string& caption, const std::vector<Panel>& panels, int columns) {
  check(columns >= 1 && !panels.empty(), "figure: {} panels in {} columns; at least one of each expected",
        panels.size(), columns);
  const int top = kMargin + kTitle + kGap;
  const Grid grid = grid_of(panels, columns, top);
  const int width = std::max({grid.x.back() - kGap + kMargin, kNarrowest, text_width(title, kTitle) + 2 * kMargin});
  const std::vector<std::string> lines = lines_of(caption, kCaption, width - 2 * kMargin);
  Canvas canvas = blank(width, grid.y.back() + int(lines.size()) * (kCaption + 6) + kMargin);
  draw_text(canvas, title, kMargin, kMargin - 4, kTitle, kInk);
  for (size_t i = 0; i < panels.size(); ++i) {
    const size_t wide = grid.x.size() - 1;
    const int x = grid.x[i % wide], y = grid.y[i / wide];
    put(canvas, panels[i].picture, x, y);
    draw_text(canvas, panels[i].name, x, y + int(panels[i].picture.dim(0)) + 3, kName, kFaint);
  }
  for (size_t i = 0; i < lines.size(); ++i)
    draw_text(canvas, lines[i], kMargin, grid.y.back() + int(i) * (kCaption + 6), kCaption, kInk);
  return canvas.pixels();
}

Tensor heat_map(const Tensor& values, double low, double high) {
  check(values.rank() == 2 && values.dtype() == DType::f32, "heat_map: values are {} {}; float32 [H, W] expected",
        name(values.dtype()), values.shape());
  constexpr int kShades = 256;
  std::vector<Rgb> shades;
  for (int i = 0; i < kShades; ++i) shades.push_back(heat_colour(double(i) / (kShades - 1)));
  Tensor out({values.dim(0), values.dim(1), 3}, DType::u8);
  uint8_t* to = out.data<uint8_t>();
  const float* v = values.data<float>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    const double share = high > low ? (double(v[i]) - low) / (high - low) : 0;
    const Rgb c = shades[size_t(std::clamp(share >= 0 ? share : 0.0, 0.0, 1.0) * (kShades - 1))];
    *to++ = c.r, *to++ = c.g, *to++ = c.b;
  }
  return out;
}

Tensor enlarge(const Tensor& picture, int factor) {
  const int64_t height = picture.dim(0), width = picture.dim(1);
  Tensor big({height * factor, width * factor, 3}, DType::u8);
  const uint8_t* from = picture.data<uint8_t>();
  uint8_t* to = big.data<uint8_t>();
  for (int64_t y = 0; y < height * factor; y++)
    for (int64_t x = 0; x < width * factor; x++, to += 3)
      std::copy_n(from + ((y / factor) * width + x / factor) * 3, 3, to);
  return big;
}

void put(Canvas& canvas, const Tensor& picture, int x, int y) {
  const uint8_t* p = picture.data<uint8_t>();
  for (int i = 0; i < int(picture.dim(0)); ++i)
    for (int j = 0; j < int(picture.dim(1)); ++j, p += 3) canvas.blend(y + i, x + j, {p[0], p[1], p[2]}, 1);
}

Tensor crop(const Tensor& picture, const Rect& r) {
  const int x0 = std::clamp(r.x, 0, int(picture.dim(1))), y0 = std::clamp(r.y, 0, int(picture.dim(0)));
  const int x1 = std::clamp(r.x + r.width, x0, int(picture.dim(1))),
            y1 = std::clamp(r.y + r.height, y0, int(picture.dim(0)));
  Tensor out({y1 - y0, x1 - x0, 3}, DType::u8);
  for (int y = y0; y < y1; ++y)
    std::copy_n(picture.data<uint8_t>() + (int64_t(y) * picture.dim(1) + x0) * 3, int64_t(x1 - x0) * 3,
                out.data<uint8_t>() + int64_t(y - y0) * (x1 - x0) * 3);
  return out;
}

}  // namespace sil
