// A tiny Mask R-CNN's first three steps on a device.
#pragma once
#include <string>
#include <vector>

#include "models/mask_rcnn.h"

namespace sil::test {

ModelConfig tiny_model_config();

struct TinyRun {
  std::vector<std::vector<double>> losses;  // of each step
  std::vector<std::string> names;           // of the parameters
  std::vector<Tensor> gradients;            // of the first step
};
TinyRun train_tiny(Device);

// Losses within 0.1 %, gradients within 3e-3 of each parameter's largest, as doctest's checks.
void check_equal(const TinyRun& found, const TinyRun& expected);

}  // namespace sil::test
