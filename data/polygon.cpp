// pycocotools' rasteriser.  Corners are rounded to fifths of a pixel, edges stepped along their longer axis; wherever
// an edge goes from fifth 5k + 2 to 5k + 3 it passes the middle of column k, and the column toggles at the row given by
// the smaller of the two steps' heights.  Here only those steps are computed, so an edge costs the columns that it
// passes.
#include <algorithm>
#include <cmath>

#include "data/rle.h"
#include "data/runs.h"
#include "tensor/check.h"

namespace sil {

namespace {

constexpr double kFifths = 5;
constexpr double kFarthest = 1e12;  // fifths of it, and products of two, are still exact enough in double

struct Corner {
  int64_t x, y;  // fifths of a pixel
};

int64_t to_fifths(double v) { return int64_t(kFifths * v + .5); }  // toward zero, below 0 too

// The first t of (0, last] for which reached(t) holds, which stays so from there on; `guess` is mostly it.
template <class F>
int64_t first_step(int64_t last, double guess, F reached) {
  const int64_t near = int64_t(std::clamp(guess, 1., double(last)));
  if (reached(near) && (near == 1 || !reached(near - 1))) return near;
  int64_t below = 0, t = last;
  while (t - below > 1) {
    const int64_t middle = below + (t - below) / 2;
    (reached(middle) ? t : below) = middle;
  }
  return t;
}

int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

struct Toggle {
  int64_t column, row;
};

// Where the columns toggle that the edge a-b passes.
void add_edge(Corner a, Corner b, int64_t height, int64_t width, std::vector<Toggle>& toggles) {
  const int64_t left = std::min(a.x, b.x), right = std::max(a.x, b.x);
  const int64_t first = std::max<int64_t>(0, -floor_div(2 - left, 5));  // 5k + 2 >= left
  const int64_t last = std::min(width - 1, floor_div(right - 3, 5));    // 5k + 3 <= right
  const int64_t dx = std::abs(b.x - a.x), dy = std::abs(b.y - a.y);
  const auto add = [&](auto height_at) {  // of the step from fifth 5k + 2 to the next, in fifths
    for (int64_t k = first; k <= last; ++k) {
      const double y = (double(height_at(5 * k + 2)) + .5) / kFifths - .5;
      toggles.push_back({k, int64_t(std::ceil(std::clamp(y, 0., double(height))))});
    }
  };
  if (dx >= dy) {
    if (a.x > b.x) std::swap(a, b);
    const double slope = double(b.y - a.y) / double(dx);
    const auto y = [&](int64_t t) { return int64_t(double(a.y) + slope * double(t) + .5); };
    add([&](int64_t x) { return std::min(y(x - a.x), y(x + 1 - a.x)); });
  } else {
    if (a.y > b.y) std::swap(a, b);
    const double slope = double(b.x - a.x) / double(dy);
    const auto at = [&](int64_t t) { return int64_t(double(a.x) + slope * double(t) + .5); };
    add([&](int64_t x) {
      const double guess = std::ceil((double(x - a.x) + .5) / slope);
      return a.y - 1 + first_step(dy, guess, [&](int64_t t) { return slope > 0 ? at(t) > x : at(t) <= x; });
    });
  }
}

// As positions.  An outline is closed, so between its first column and its last none is without toggles.
std::vector<uint64_t> in_column_order(const std::vector<Toggle>& toggles, int64_t height) {
  std::vector<uint64_t> sorted(toggles.size());
  if (toggles.empty()) return sorted;
  const auto [low, high] = std::ranges::minmax_element(toggles, {}, &Toggle::column);
  const int64_t first = low->column, columns = high->column + 1 - first;
  std::vector<size_t> ends(size_t(columns) + 1);
  for (const Toggle& t : toggles) ++ends[size_t(t.column - first) + 1];
  for (size_t i = 1; i < ends.size(); ++i) ends[i] += ends[i - 1];
  for (const Toggle& t : toggles) sorted[ends[size_t(t.column - first)]++] = uint64_t(t.column * height + t.row);
  auto begin = sorted.begin();
  for (size_t i = 0; i < size_t(columns); ++i) {
    const auto end = sorted.begin() + int64_t(ends[i]);
    if (end - begin == 2) {
      if (begin[0] > begin[1]) std::swap(begin[0], begin[1]);
    } else {
      std::sort(begin, end);
    }
    begin = end;
  }
  return sorted;
}

}  // namespace

Rle rasterise(const Polygon& outline, int64_t height, int64_t width) {
  check_mask_size(height, width);
  check(outline.size() % 2 == 0, "polygon: {} coordinates; pairs of x, y expected", outline.size());
  std::vector<Corner> corners(outline.size() / 2);
  for (size_t i = 0; i < corners.size(); ++i) {
    const double x = outline[2 * i], y = outline[2 * i + 1];
    check(std::abs(x) <= kFarthest && std::abs(y) <= kFarthest,
          "polygon: corner {} is ({}, {}); finite numbers up to {} expected", i, x, y, kFarthest);
    corners[i] = {to_fifths(x), to_fifths(y)};
  }
  std::vector<Toggle> toggles;
  for (size_t i = 0; i < corners.size(); ++i)
    add_edge(corners[i], corners[i + 1 == corners.size() ? 0 : i + 1], height, width, toggles);
  const std::vector<uint64_t> changes = in_column_order(toggles, height);
  return {height, width, runs_between(changes, uint64_t(height * width))};
}

Rle rasterise(std::span<const Polygon> parts, int64_t height, int64_t width) {
  std::vector<Rle> masks;
  for (const Polygon& part : parts) masks.push_back(rasterise(part, height, width));
  return masks.empty() ? rasterise(Polygon{}, height, width) : merge(masks);
}

std::array<double, 4> bounding_box(std::span<const Polygon> parts) {
  std::array<double, 2> low{INFINITY, INFINITY}, high{-INFINITY, -INFINITY};
  for (const Polygon& part : parts)
    for (size_t i = 0; i < part.size(); ++i) {
      low[i % 2] = std::min(low[i % 2], part[i]);
      high[i % 2] = std::max(high[i % 2], part[i]);
    }
  return {low[0], low[1], high[0] - low[0], high[1] - low[1]};
}

Rle rectangle(const std::array<double, 4>& xywh, int64_t height, int64_t width) {
  const auto [x, y, w, h] = xywh;
  return rasterise(Polygon{x, y, x, y + h, x + w, y + h, x + w, y}, height, width);
}

}  // namespace sil
