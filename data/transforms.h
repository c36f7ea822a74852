// What happens to a photo and its objects between disk and model.  Image, boxes and masks move together.
//
// An image is a Tensor [H, W, 3], RGB, rows from the top: uint8, as read.  Floats begin in collate, on the model's
// device.
#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "data/augmentations.h"
#include "data/batch.h"
#include "tensor/rng.h"

namespace sil {

// The size of the model's input when no Resize rules: scale = min(min_size / short side, max_size / long side).
struct SizeRule {
  int min_size = 800, max_size = 1333;
};

// All that turns a photo into the model's input.
struct Preparation {
  Augmentations augmentations;
  SizeRule size;
};

// Runs the list over an example whose photo is uint8; then whatever the list left out, the model's own transform adds:
// ImageNet's mean and deviation and, without a Resize, the size rule.  ToImage and Normalize say what collate makes of
// the bytes.  Without a key the random augmentations are left out (validation, prediction).  Draws depend on the key
// alone.
Example prepare(Example, const Preparation&, std::optional<RngKey>);

// One photometric distortion with its parameters drawn; a factor that is absent is not applied.
struct Distortion {
  std::optional<double> brightness, contrast, saturation, hue;  // in this order, but for contrast:
  bool contrast_before = true;                                  // else after hue
  std::optional<std::array<int, 3>> channels;                   // channel c of the result is channels[c] of the image
};
Distortion draw(const RandomPhotometricDistort&, RngKey);
// Equals torchvision.transforms.v2.RandomPhotometricDistort on a Pillow image, Pillow's roundings included.
Tensor distort(const Tensor& image, const Distortion&);

// Mirrors image, boxes and masks left to right.
void flip_horizontal(Example&);

// Equals Pillow's resize((width, height), BILINEAR), byte for byte.
Tensor resize_antialiased(const Tensor& image, int height, int width);
// v2.Resize: the image antialiased, boxes scaled, masks to the nearest pixel.
void resize(Example&, int height, int width);

// floor(side * scale), scale in double, at least 1: torchvision's GeneralizedRCNNTransform (640 x 480 at 800/1333 gives
// 800 x 1066).
std::array<int, 2> model_size(int height, int width, SizeRule);
// GeneralizedRCNNTransform's resize: sets the size that the model sees, scales boxes, masks to the nearest pixel.  The
// photo follows in collate.
void resize_for_model(Example&, SizeRule);

}  // namespace sil
