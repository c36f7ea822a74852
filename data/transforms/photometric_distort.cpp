// Brightness, contrast and saturation blend the image with a plainer one (black, its mean grey, its grey picture); hue
// turns the H of HSV.  All in bytes, with Pillow's roundings.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "data/luma.h"
#include "data/transforms.h"

namespace sil {
namespace {

// plain + factor * (image - plain), cut to a byte, toward zero.
uint8_t blend(int plain, int image, float factor) {
  const float x = float(plain) + factor * float(image - plain);
  return x <= 0 ? 0 : x >= 255 ? 255 : uint8_t(x);
}

// All channels blend with one grey, so 256 results hold everything.
Tensor blend_with_grey(const Tensor& image, int grey, float factor) {
  std::array<uint8_t, 256> table;
  for (int i = 0; i < 256; ++i) table[size_t(i)] = blend(grey, i, factor);
  Tensor out(image.shape(), DType::u8);
  const uint8_t* in = image.data<uint8_t>();
  std::transform(in, in + image.numel(), out.data<uint8_t>(), [&](uint8_t v) { return table[v]; });
  return out;
}

int mean_luma(const Tensor& image) {
  int64_t sum = 0;
  const uint8_t* p = image.data<uint8_t>();
  const int64_t pixels = image.numel() / 3;
  for (int64_t i = 0; i < pixels; ++i, p += 3) sum += luma(p);
  return int(double(sum) / double(pixels) + 0.5);
}

Tensor adjust_saturation(const Tensor& image, float factor) {
  Tensor out(image.shape(), DType::u8);
  const uint8_t* in = image.data<uint8_t>();
  uint8_t* to = out.data<uint8_t>();
  for (const uint8_t* end = in + image.numel(); in < end; in += 3, to += 3) {
    const int grey = luma(in);
    for (int c = 0; c < 3; ++c) to[c] = blend(grey, in[c], factor);
  }
  return out;
}

struct Hsv {
  uint8_t h, s, v;
};

Hsv to_hsv(uint8_t r, uint8_t g, uint8_t b) {
  const uint8_t high = std::max({r, g, b}), low = std::min({r, g, b});
  if (high == low) return {0, 0, high};
  const float range = float(high - low);
  const float to_r = float(high - r) / range, to_g = float(high - g) / range, to_b = float(high - b) / range;
  float h = r == high ? to_b - to_g : g == high ? float(2.0 + to_r - to_b) : float(4.0 + to_g - to_r);
  const double turn = h / 6.0 + 1.0;
  h = float(turn >= 1 ? turn - 1 : turn);
  return {uint8_t(h * 255.0), uint8_t(range / float(high) * 255.0), high};
}

void to_rgb(Hsv from, uint8_t* p) {
  const auto [h, s, v] = from;
  if (s == 0) {
    p[0] = p[1] = p[2] = v;
    return;
  }
  const float sixth = h * 6.0f / 255.0f;
  const int sector = int(sixth);
  const float f = sixth - float(sector), fs = s / 255.0f;
  const auto level = [v = v](float x) { return uint8_t(std::clamp(int(std::round(float(v) * x)), 0, 255)); };
  const uint8_t a = level(1.0f - fs), down = level(1.0f - fs * f), up = level(1.0f - fs * (1.0f - f));
  const uint8_t rgb[6][3] = {{v, up, a}, {down, v, a}, {a, v, up}, {a, down, v}, {up, a, v}, {v, a, down}};
  std::copy_n(rgb[sector % 6], 3, p);
}

Tensor adjust_hue(const Tensor& image, double turn) {
  const uint8_t shift = uint8_t(int(turn * 255));  // wraps around, as hue does
  Tensor out(image.shape(), DType::u8);
  const uint8_t* in = image.data<uint8_t>();
  uint8_t* to = out.data<uint8_t>();
  for (const uint8_t* end = in + image.numel(); in < end; in += 3, to += 3) {
    Hsv hsv = to_hsv(in[0], in[1], in[2]);
    hsv.h = uint8_t(hsv.h + shift);
    to_rgb(hsv, to);
  }
  return out;
}

Tensor permute_channels(const Tensor& image, const std::array<int, 3>& from) {
  Tensor out(image.shape(), DType::u8);
  const uint8_t* in = image.data<uint8_t>();
  uint8_t* to = out.data<uint8_t>();
  for (const uint8_t* end = in + image.numel(); in < end; in += 3, to += 3)
    for (size_t c = 0; c < 3; ++c) to[c] = in[from[c]];
  return out;
}

}  // namespace

Distortion draw(const RandomPhotometricDistort& by, RngKey key) {
  uint64_t drawn = 0;
  const auto happens = [&](double p) { return key.uniform64(drawn++) < p; };
  const auto factor = [&](RandomPhotometricDistort::Range r) -> std::optional<double> {
    const bool applied = happens(by.p);
    const double at = key.uniform64(drawn++);
    return applied ? std::optional(r[0] + at * (r[1] - r[0])) : std::nullopt;
  };
  Distortion d;
  d.brightness = factor(by.brightness);
  d.contrast = factor(by.contrast);
  d.saturation = factor(by.saturation);
  d.hue = factor(by.hue);
  d.contrast_before = happens(0.5);
  if (happens(by.p)) {
    d.channels = {0, 1, 2};
    std::swap((*d.channels)[2], (*d.channels)[size_t(key.below(drawn++, 3))]);
    std::swap((*d.channels)[1], (*d.channels)[size_t(key.below(drawn++, 2))]);
  }
  return d;
}

Tensor distort(const Tensor& image, const Distortion& d) {
  Tensor out = image;
  const auto adjust_contrast = [&] { out = blend_with_grey(out, mean_luma(out), float(*d.contrast)); };
  if (d.brightness) out = blend_with_grey(out, 0, float(*d.brightness));
  if (d.contrast && d.contrast_before) adjust_contrast();
  if (d.saturation) out = adjust_saturation(out, float(*d.saturation));
  if (d.hue) out = adjust_hue(out, *d.hue);
  if (d.contrast && !d.contrast_before) adjust_contrast();
  if (d.channels) out = permute_channels(out, *d.channels);
  return out;
}

}  // namespace sil
