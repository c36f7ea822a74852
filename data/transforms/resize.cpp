// Pillow's resize: a triangle filter whose support grows with the reduction (so it is antialiased), one axis after the
// other, each pass rounded to bytes; weights are fixed-point numbers of 22 bits.
#include <algorithm>
#include <cmath>
#include <vector>

#include "data/transforms.h"
#include "data/transforms/move_objects.h"

namespace sil {
namespace {

constexpr int precision = 32 - 8 - 2;  // a byte times weights that sum to 1, with room for sign and rounding
constexpr int32_t half = 1 << (precision - 1);

// Output i of an axis is the weighted sum of inputs first[i] .. first[i] + count[i] - 1.
struct Filter {
  int64_t taps = 0;  // stride of `weights`
  std::vector<int32_t> first, count, weights;
};

Filter triangle(int64_t in, int64_t out) {
  const double scale = double(in) / double(out), support = std::max(scale, 1.0);
  Filter f;
  f.taps = int64_t(std::ceil(support)) * 2 + 1;
  f.weights.assign(size_t(out * f.taps), 0);
  std::vector<double> w(static_cast<size_t>(f.taps));
  for (int64_t i = 0; i < out; ++i) {
    const double center = (double(i) + 0.5) * scale;
    const int64_t begin = std::max<int64_t>(int64_t(center - support + 0.5), 0);
    const int64_t end = std::min<int64_t>(int64_t(center + support + 0.5), in);
    double sum = 0;
    for (int64_t k = begin; k < end; ++k) {
      const double distance = std::abs((double(k) - center + 0.5) * (1.0 / support));
      sum += w[size_t(k - begin)] = distance < 1 ? 1 - distance : 0;
    }
    for (int64_t k = 0; k < end - begin; ++k) {
      const double share = sum != 0 ? w[size_t(k)] / sum : w[size_t(k)];
      f.weights[size_t(i * f.taps + k)] = int32_t(0.5 + share * (1 << precision));
    }
    f.first.push_back(int32_t(begin));
    f.count.push_back(int32_t(end - begin));
  }
  return f;
}

uint8_t to_byte(int32_t sum) { return uint8_t(std::clamp(sum >> precision, 0, 255)); }

Tensor resize_width(const Tensor& image, int width) {
  const int64_t height = image.dim(0), row = image.dim(1) * 3;
  const Filter f = triangle(image.dim(1), width);
  Tensor out({height, width, 3}, DType::u8);
  const uint8_t* in = image.data<uint8_t>();
  uint8_t* to = out.data<uint8_t>();
  for (int64_t y = 0; y < height; ++y, in += row)
    for (int64_t x = 0; x < width; ++x, to += 3) {
      const int32_t* weight = &f.weights[size_t(x * f.taps)];
      const uint8_t* p = in + 3 * int64_t(f.first[size_t(x)]);
      int32_t r = half, g = half, b = half;
      for (int32_t k = 0; k < f.count[size_t(x)]; ++k, p += 3) {
        r += p[0] * weight[k];
        g += p[1] * weight[k];
        b += p[2] * weight[k];
      }
      to[0] = to_byte(r);
      to[1] = to_byte(g);
      to[2] = to_byte(b);
    }
  return out;
}

Tensor resize_height(const Tensor& image, int height) {
  const int64_t row = image.dim(1) * 3;
  const Filter f = triangle(image.dim(0), height);
  Tensor out({height, image.dim(1), 3}, DType::u8);
  uint8_t* to = out.data<uint8_t>();
  std::vector<int32_t> sums(static_cast<size_t>(row));
  for (int64_t y = 0; y < height; ++y, to += row) {
    std::fill(sums.begin(), sums.end(), half);
    for (int32_t k = 0; k < f.count[size_t(y)]; ++k) {
      const int32_t weight = f.weights[size_t(y * f.taps + k)];
      const uint8_t* in = image.data<uint8_t>() + (f.first[size_t(y)] + k) * row;
      for (int64_t i = 0; i < row; ++i) sums[size_t(i)] += in[i] * weight;
    }
    for (int64_t i = 0; i < row; ++i) to[i] = to_byte(sums[size_t(i)]);
  }
  return out;
}

// Pillow 13 begins with the height where rows are lost, and more than twice as many as columns; up to version 12 it
// always began with the width.  The order moves some bytes by 1.
bool height_first(const Tensor& image, int height, int width) {
  const int64_t rows = image.dim(0) - height, columns = image.dim(1) - width;
  return rows > 0 && rows > 2 * columns;
}

}  // namespace

Tensor resize_antialiased(const Tensor& image, int height, int width) {
  const auto to_width = [=](const Tensor& t) { return t.dim(1) == width ? t : resize_width(t, width); };
  const auto to_height = [=](const Tensor& t) { return t.dim(0) == height ? t : resize_height(t, height); };
  return height_first(image, height, width) ? to_width(to_height(image)) : to_height(to_width(image));
}

void resize(Example& e, int height, int width) {
  const int old_height = int(e.photo.dim(0)), old_width = int(e.photo.dim(1));
  if (height == old_height && width == old_width) return;
  e.photo = resize_antialiased(e.photo, height, width);
  move_objects(e, old_height, old_width, height, width);
}

}  // namespace sil
