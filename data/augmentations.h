// The list of augmentations: {"name", "params"} each, in the order in which they are applied.
#pragma once
#include <rapidjson/fwd.h>

#include <array>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sil {

inline constexpr std::array<float, 3> imagenet_mean{0.485f, 0.456f, 0.406f};
inline constexpr std::array<float, 3> imagenet_std{0.229f, 0.224f, 0.225f};

// torchvision.transforms.v2's classes of the same names, on a Pillow image; parameters not given are v2's.
struct RandomHorizontalFlip {
  double p = 0.5;
  bool operator==(const RandomHorizontalFlip&) const = default;
};
struct RandomPhotometricDistort {
  using Range = std::array<double, 2>;  // factors are drawn uniformly from [low, high]
  Range brightness{0.875, 1.125}, contrast{0.5, 1.5}, saturation{0.5, 1.5}, hue{-0.05, 0.05};
  double p = 0.5;  // of each distortion by itself
  bool operator==(const RandomPhotometricDistort&) const = default;
};
struct Resize {
  int height = 0, width = 0;  // exactly these, bilinear with antialias
  bool operator==(const Resize&) const = default;
};
struct ToImage {  // also to floats in [0, 1]
  bool operator==(const ToImage&) const = default;
};
struct Normalize {
  std::array<float, 3> mean = imagenet_mean, std = imagenet_std;
  bool operator==(const Normalize&) const = default;
};

using Augmentation = std::variant<RandomHorizontalFlip, RandomPhotometricDistort, Resize, ToImage, Normalize>;
using Augmentations = std::vector<Augmentation>;

// Flip, distort, resize to 800 x 800, to image, normalise: what holds when no list is given.
Augmentations default_augmentations();

// `source` is the file (and block) for messages.  Errors name it, the entry by its place, the key, what was given and
// what is allowed.  The order is kept; distort and resize work on bytes, so they come before ToImage, and Normalize
// after it; ToImage, Resize and Normalize occur once at most.
Augmentations parse_augmentations(const rapidjson::Value&, std::string_view source);
// The list as JSON text, every parameter written out.
std::string to_json(const Augmentations&);

bool has_resize(const Augmentations&);

}  // namespace sil
