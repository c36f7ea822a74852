#include "viz/canvas.h"

#include <algorithm>
#include <cmath>

#include "tensor/check.h"

namespace sil {

int64_t overlap(const Rect& a, const Rect& b) {
  const int64_t width = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x);
  const int64_t height = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
  return std::max<int64_t>(width, 0) * std::max<int64_t>(height, 0);
}

Canvas::Canvas(Tensor pixels) : pixels_(std::move(pixels)) {
  check(pixels_.rank() == 3 && pixels_.dim(2) == 3 && pixels_.dtype() == DType::u8,
        "canvas: pixels are {} {}; uint8 [H, W, 3] expected", name(pixels_.dtype()), pixels_.shape());
  height_ = int(pixels_.dim(0));
  width_ = int(pixels_.dim(1));
}

void Canvas::blend(int y, int x, Rgb colour, double alpha) {
  if (y < 0 || x < 0 || y >= height_ || x >= width_) return;
  uint8_t* p = pixels_.data<uint8_t>() + (int64_t(y) * width_ + x) * 3;
  const auto mix = [alpha](uint8_t under, uint8_t over) {
    return uint8_t(std::lround(under + alpha * (over - under)));
  };
  p[0] = mix(p[0], colour.r);
  p[1] = mix(p[1], colour.g);
  p[2] = mix(p[2], colour.b);
}

void Canvas::fill(const Rect& r, Rgb colour, double alpha) {
  for (int y = std::max(r.y, 0); y < std::min(r.y + r.height, height_); y++)
    for (int x = std::max(r.x, 0); x < std::min(r.x + r.width, width_); x++) blend(y, x, colour, alpha);
}

void Canvas::frame(const Rect& r, int thickness, Rgb colour, double alpha) {
  const int t = std::min({thickness, (r.width + 1) / 2, (r.height + 1) / 2});
  fill({r.x, r.y, r.width, t}, colour, alpha);
  fill({r.x, r.y + r.height - t, r.width, t}, colour, alpha);
  fill({r.x, r.y + t, t, r.height - 2 * t}, colour, alpha);
  fill({r.x + r.width - t, r.y + t, t, r.height - 2 * t}, colour, alpha);
}

}  // namespace sil
