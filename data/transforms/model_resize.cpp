#include <algorithm>
#include <cmath>
#include <vector>

#include "data/transforms.h"
#include "data/transforms/move_objects.h"

namespace sil {
namespace {

// Where output i reads along an axis: (1 - weight) of first, weight of second, its neighbour.  Pixel centres are at
// i + 0.5; what would read outside reads the border.  In float32, rounded once, as torch's build for this
// kind of machine does; a second rounding would move a pixel beside an edge by 1e-5.
struct Tap {
  int64_t first, second;
  float weight;
};

std::vector<Tap> taps(int64_t in, int64_t out) {
  const float scale = float(in) / float(out);
  std::vector<Tap> t(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    const float x = std::max(std::fma(scale, float(i) + 0.5f, -0.5f), 0.0f);
    const int64_t first = std::min(int64_t(x), in - 1);
    t[size_t(i)] = {first, std::min(first + 1, in - 1), std::clamp(x - float(first), 0.0f, 1.0f)};
  }
  return t;
}

void resize_row(const float* in, const std::vector<Tap>& columns, float* out) {
  for (const Tap& t : columns) {
    const float *a = in + 3 * t.first, *b = in + 3 * t.second, w = t.weight;
    for (int c = 0; c < 3; ++c) *out++ = (1 - w) * a[c] + w * b[c];
  }
}

// Source rows resized along x; output rows ask for them in ascending order, so two are enough.
class ResizedRows {
 public:
  ResizedRows(const Tensor& photo, int width)
      : in_(photo.data<float>()), row_(photo.dim(1) * 3), columns_(taps(photo.dim(1), width)) {
    for (auto& r : rows_) r.resize(size_t(width) * 3);
  }

  const float* operator()(int64_t y) {
    const size_t slot = size_t(y & 1);
    if (held_[slot] != y) {
      resize_row(in_ + y * row_, columns_, rows_[slot].data());
      held_[slot] = y;
    }
    return rows_[slot].data();
  }

 private:
  const float* in_;
  int64_t row_;
  std::vector<Tap> columns_;
  std::vector<float> rows_[2];
  int64_t held_[2] = {-1, -1};
};

}  // namespace

std::array<int, 2> model_size(int height, int width, SizeRule rule) {
  const double scale =
      std::min(double(rule.min_size) / std::min(height, width), double(rule.max_size) / std::max(height, width));
  return {std::max(1, int(std::floor(height * scale))), std::max(1, int(std::floor(width * scale)))};
}

Tensor resize_bilinear(const Tensor& photo, int height, int width) {
  Tensor out({height, width, 3}, DType::f32);
  float* to = out.data<float>();
  ResizedRows rows(photo, width);
  for (const Tap& t : taps(photo.dim(0), height)) {
    const float *a = rows(t.first), *b = rows(t.second), w = t.weight;
    for (int64_t i = 0; i < 3 * int64_t(width); ++i) to[i] = (1 - w) * a[i] + w * b[i];
    to += 3 * int64_t(width);
  }
  return out;
}

void resize_for_model(Example& e, SizeRule rule) {
  const int old_height = int(e.photo.dim(0)), old_width = int(e.photo.dim(1));
  const auto [height, width] = model_size(old_height, old_width, rule);
  if (height == old_height && width == old_width) return;
  e.photo = resize_bilinear(e.photo, height, width);
  move_objects(e, old_height, old_width, height, width);
}

}  // namespace sil
