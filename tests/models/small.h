// Small models and batches for the tests of models/.
#pragma once
#include <string>
#include <vector>

#include "data/batch.h"
#include "models/mask_rcnn.h"

namespace sil::test {

// Where the test program runs its models: it says so itself (where.cpp; tests/cuda/gpu_main.cpp).
Device where();

// ResNet-18, 64 pyramid channels, narrow heads, anchors of 8 pixels on the finest level: 4 classes with background.
ModelConfig small_config();

// Value i is the top 24 bits of splitmix64(fnv1a64(name) + i), in [0, 1): what a formula gives, no file holds.
std::vector<double> formula(const std::string& name, int64_t n);

// A photo of formula(name) as the model sees it, values in [-2, 2).
Tensor formula_photo(const std::string& name, int64_t height, int64_t width);

// An object: half of its box, the pixels with x - x0 >= (y - y0) / 2.
struct Object {
  std::array<float, 4> box;
  int label;
};
// Its photo is not normalised again.
Example example(const Tensor& photo, const std::vector<Object>&, std::array<int, 2> original);

// Two photos of different sizes with 3 and 2 objects; padded to 128 x 128.
std::vector<Example> two_examples();
Batch two_photos(Device = Device::cpu());

}  // namespace sil::test
