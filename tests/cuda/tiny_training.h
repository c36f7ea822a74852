// A tiny Mask R-CNN's first three steps on a device.
#pragma once
#include <string>
#include <vector>

#include "models/stages.h"

namespace sil::test {

ModelConfig tiny_model_config();

struct TinyRun {
  std::vector<std::vector<double>> losses;  // of each step
  std::vector<std::string> names;           // of the parameters
  std::vector<Tensor> gradients;            // of the first step
  std::vector<Stages> proposals;            // of each step
};
// The heads see the proposals of `given`, if any: rounding may swap two of nearly equal score, which makes other
// samples.
TinyRun train_tiny(Device, const std::vector<Stages>& given = {});

// 99 % of the proposals, losses within 0.1 %, gradients within 3e-3 of each parameter's largest, as doctest's checks.
void check_equal(const TinyRun& found, const TinyRun& expected);

}  // namespace sil::test
