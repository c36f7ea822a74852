// Weights at the start, as torch draws them: every element depends on the key and its index alone.
#pragma once
#include "tensor/rng.h"
#include "tensor/tensor.h"

namespace sil {

Tensor normal(const Shape&, double deviation, RngKey);
Tensor uniform(const Shape&, double bound, RngKey);  // in [-bound, bound)

// fan is fan_in or fan_out: the number of weights that meet in one input or output element.
// He et al. 2015 (Delving deep into rectifiers), eq. 10: deviation sqrt(2 / fan).
Tensor kaiming_normal(const Shape&, int64_t fan, RngKey);
// The same for layers without ReLU (a = 1): bound sqrt(3 / fan).
Tensor kaiming_uniform(const Shape&, int64_t fan, RngKey);
// What torch gives linear layers, and biases with the fan of their weight: bound 1 / sqrt(fan).
Tensor torch_default(const Shape&, int64_t fan, RngKey);

}  // namespace sil
