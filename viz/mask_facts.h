// What the pages tell about a mask and draw of it.
#pragma once
#include <cstdint>
#include <string>

#include "data/contour.h"
#include "data/rle.h"

namespace sil {

struct MaskFacts {
  uint64_t area = 0;             // pixels
  std::array<double, 4> box{};   // x, y, w, h around the pixels
  int64_t parts = 0, holes = 0;  // pixels connected by their sides; what they enclose
  double perimeter = 0;          // along the edges of pixels, holes' too
  bool touches_border = false;   // of the photo
};
MaskFacts mask_facts(RleView, const std::vector<Contour>&);

// SVG paths of outlines along the edges of pixels, to be filled by even and odd; in pixels.
std::string exact_path(const std::vector<Contour>&);
// With corners at least `step` pixels apart, for pictures that are shown smaller by this factor.  What is smaller than
// a step is a square of one.
std::string coarse_path(const std::vector<Contour>&, double step);

}  // namespace sil
