// Colours of objects: hue by class, shade by instance.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace sil {

struct Rgb {
  uint8_t r = 0, g = 0, b = 0;
  friend bool operator==(const Rgb&, const Rgb&) = default;
};

// Classes take hues a golden angle apart, so that any first few of them differ; the instances of a class cycle through
// five shades of its hue.  Both count from 0.
Rgb object_colour(int class_index, int instance);

// The objects of one photo, by their class: as object_colour, counting each class's instances, but no two alike,
// however many there are.
std::vector<Rgb> object_colours(std::span<const int> class_indices);
std::string css(Rgb);  // "#rrggbb"

// For lines in an order: t = 0 is a light green, 1 a dark blue.
Rgb sequence_colour(double t);
// For a share of 0, white, to 1, dark blue.
Rgb heat_colour(double share);

// Relative luminance of sRGB (WCAG 2), 0 black to 1 white, and the ink, black or white, that reads better on a colour.
double luminance(Rgb);
double contrast(Rgb, Rgb);  // 1 to 21
Rgb ink_on(Rgb background);

}  // namespace sil
