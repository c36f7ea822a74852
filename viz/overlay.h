// Detections, or annotations, drawn on their photo.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "data/annotations.h"
#include "data/rle.h"
#include "tensor/tensor.h"

namespace sil {

// One object to draw, in the photo's pixels.
struct OverlayObject {
  int class_index = 0;  // gives the hue
  std::string label;
  std::optional<double> score;
  std::array<double, 4> bbox{};  // x, y, w, h
  std::optional<Rle> mask;       // without one, or without pixels in it, the box is outlined
};

// A copy of the photo (uint8 [H, W, 3]) with each object's mask tinted and outlined and its name and score in a box
// beside it.  Colours: viz/colour.h.  Outlines carry a dark rim and labels a filled box, so both read on bright and on
// dark photos.  A photo smaller than 448 pixels is drawn enlarged, by a whole factor, so that labels fit.
// Throws an Error if a mask has another size than the photo.
Tensor overlay(const Tensor& photo, const std::vector<OverlayObject>&);

// What to draw for the detections of one photo.  The hue is the category's rank in `categories`.
std::vector<OverlayObject> overlay_objects(const std::vector<Detection>&, const std::vector<Category>& categories,
                                           int height, int width);

}  // namespace sil
