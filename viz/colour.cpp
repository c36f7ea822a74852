#include "viz/colour.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>
#include <set>

namespace sil {
namespace {

using Linear = std::array<double, 3>;

// Ottosson 2020, "A perceptual color space for image processing": OKLCH to linear sRGB.  Equal lightness there looks
// equally bright in every hue, which HSV's does not.
Linear from_oklch(double lightness, double chroma, double hue) {
  const double a = chroma * std::cos(hue), b = chroma * std::sin(hue);
  const double l = std::pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
  const double m = std::pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
  const double s = std::pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
  return {4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
          -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
          -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s};
}

bool in_gamut(const Linear& c) {
  return std::all_of(c.begin(), c.end(), [](double v) { return v >= 0 && v <= 1; });
}

uint8_t encode(double v) {
  v = std::clamp(v, 0.0, 1.0);
  return uint8_t(std::lround(255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * std::pow(v, 1 / 2.4) - 0.055)));
}

// With as much of the chroma as fits: screens show less of some hues.
Rgb shown(double lightness, double chroma, double hue) {
  Linear c = from_oklch(lightness, chroma, hue);
  while (!in_gamut(c) && chroma > 0) c = from_oklch(lightness, chroma -= 0.005, hue);
  return {encode(c[0]), encode(c[1]), encode(c[2])};
}

double decode(uint8_t byte) {
  const double v = byte / 255.0;
  return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
}

}  // namespace

Rgb sequence_colour(double t) { return shown(0.80 - 0.45 * t, 0.12, 2.4 + 2.3 * t); }

Rgb heat_colour(double share) { return shown(1 - 0.62 * std::sqrt(share), 0.17 * std::sqrt(share), 4.55); }

Rgb object_colour(int class_index, int instance) {
  constexpr std::array<double, 5> kShades{0.74, 0.62, 0.84, 0.68, 0.79};
  constexpr double kFirstHue = 0.6;  // an orange
  const double turn = class_index * (std::numbers::phi - 1);
  const double hue = kFirstHue + 2 * std::numbers::pi * (turn - std::floor(turn));
  return shown(kShades[size_t(instance) % kShades.size()], 0.19, hue);
}

std::vector<Rgb> object_colours(std::span<const int> class_indices) {
  std::map<int, int> instances;
  std::set<uint32_t> taken;
  const auto take = [&](Rgb c) { return taken.insert(uint32_t(c.r) << 16 | uint32_t(c.g) << 8 | c.b).second; };
  std::vector<Rgb> out;
  for (const int k : class_indices) {
    const Rgb shade = object_colour(k, instances[k]++);
    Rgb c = shade;
    // Beside a shade there are 511 that no eye tells from it.
    for (int i = 1; !take(c); ++i)
      c = {uint8_t(shade.r - 2 * (i % 8)), uint8_t(shade.g - 2 * (i / 8 % 8)), uint8_t(shade.b - 2 * (i / 64))};
    out.push_back(c);
  }
  return out;
}

std::string css(Rgb c) { return fmt::format("#{:02x}{:02x}{:02x}", c.r, c.g, c.b); }

double luminance(Rgb c) { return 0.2126 * decode(c.r) + 0.7152 * decode(c.g) + 0.0722 * decode(c.b); }

double contrast(Rgb a, Rgb b) {
  const auto [low, high] = std::minmax({luminance(a), luminance(b)});
  return (high + 0.05) / (low + 0.05);
}

Rgb ink_on(Rgb background) {
  constexpr Rgb kBlack{0, 0, 0}, kWhite{255, 255, 255};
  return contrast(kBlack, background) >= contrast(kWhite, background) ? kBlack : kWhite;
}

}  // namespace sil
