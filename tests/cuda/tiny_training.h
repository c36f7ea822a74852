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
TinyRun train_tiny(Device, DType, const std::vector<Stages>& given = {});

// 99 % of the proposals, losses within 0.1 %, gradients within 3e-3 of each parameter's largest, as doctest's checks.
void check_equal(const TinyRun& found, const TinyRun& expected);

// Of runs in bfloat16 that round in other places: losses within 1 % of float32's, each parameter's gradient at most
// twice as far from float32's as that of `other` is, and 2^-5: a bias's is a sum that nearly cancels.
void check_as_near(const TinyRun& found, const TinyRun& other, const TinyRun& f32);

}  // namespace sil::test
