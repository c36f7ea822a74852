// What the pictures of stages (viz/stage_pictures.h) share.
#pragma once
#include <string>
#include <utility>

#include "tensor/geometry.h"
#include "viz/colour.h"
#include "viz/figure.h"
#include "viz/stage_pictures.h"

namespace sil {

constexpr Rgb kInk{40, 44, 52}, kFaint{110, 116, 128}, kObject{230, 30, 60}, kMark{255, 140, 0};

// The first photo's plane c, float32 [H, W].
Tensor plane(const Tensor& stage, int64_t c);
// The photo that the network saw, uint8 [H, W, 3], its normalisation taken back.
Tensor photo_of(const StageMap&);
// How often a photo's pixel is repeated in a figure.
int factor_of(const Tensor& photo);
// A box x1, y1, x2, y2 in a figure's pixels.
Rect rect_of(const float* box, double scale);
Box<float> box_at(const Tensor& boxes, int64_t row);
// The mean of |x| over a stage's channels, float32 [H, W].
Tensor strength(const Tensor& stage);
// The smallest and the largest value; 0, 0 of none.
std::pair<float, float> extremes(const Tensor& values);
// A map of cells, enlarged to about the side of the others.
Panel map_panel(const Tensor& values, double low, double high, const std::string& label, int side);
// Says why there is no picture.
Tensor nothing(const std::string& what);

}  // namespace sil
