// Boxes that a table of cases names, and the overlap of two boxes by its own arithmetic.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "tensor/rng.h"
#include "tensor/tensor.h"

namespace sil {

using PlainBox = std::array<double, 4>;

enum class BoxKind { ordinary, whole_pixels, one_pixel, thin, outside, nan };

// Boxes of float32 coordinates around a width x height image.
inline std::vector<PlainBox> random_boxes(int64_t count, BoxKind kind, RngKey key, double width, double height) {
  std::vector<PlainBox> boxes;
  for (int64_t i = 0; i < count; ++i) {
    const auto u = [&, k = key.fold(uint64_t(i))](int j) { return k.uniform64(uint64_t(j)); };
    double x = u(0) * width, y = u(1) * height, w = 1 + u(2) * u(2) * width, h = 1 + u(3) * u(3) * height;
    if (kind == BoxKind::whole_pixels)
      x = std::floor(x / 4), y = std::floor(y / 4), w = 1 + int(w) % 5, h = 1 + int(h) % 5;
    if (kind == BoxKind::one_pixel) x = std::floor(x), y = std::floor(y), w = h = 1;
    if (kind == BoxKind::thin) w = i % 2 ? 1e-3 : 3 * width, h = i % 2 ? 3 * height : 1e-3;
    if (kind == BoxKind::outside) x += i % 2 ? 2 * width : -2 * width, y -= i % 3 ? 0 : 2 * height;
    PlainBox b{x, y, x + w, y + h};
    if (kind == BoxKind::nan && i % 2) b[size_t(i / 2 % 4)] = std::numeric_limits<double>::quiet_NaN();
    for (double& v : b) v = float(v);
    boxes.push_back(b);
  }
  return boxes;
}

template <class T>
Tensor box_tensor(const std::vector<PlainBox>& boxes) {
  std::vector<T> v;
  for (const PlainBox& b : boxes) v.insert(v.end(), b.begin(), b.end());
  return Tensor::of<T>({int64_t(boxes.size()), 4}, v);
}

// 0 for a box that has a NaN or no area.
inline double plain_iou(const PlainBox& a, const PlainBox& b) {
  for (int i = 0; i < 4; ++i)
    if (std::isnan(a[size_t(i)]) || std::isnan(b[size_t(i)])) return 0;
  const double across = std::min(a[2], b[2]) - std::max(a[0], b[0]), down = std::min(a[3], b[3]) - std::max(a[1], b[1]);
  if (across <= 0 || down <= 0) return 0;
  const double both = across * down;
  return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both);
}

}  // namespace sil
