// Tensors too large for a golden: it holds a few numbers of each.
#pragma once
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace sil::test {

std::vector<double> doubles(const Tensor&);

// Norm, mean, extremes, eight elements; tests/reference/stages.py makes them of torch's.
std::vector<double> sampled(const Tensor&);

// The norms differ by less than rtol, each other value by less than rtol of itself and of ten times the typical
// element.
void check_sampled(const std::string& name, const Tensor& got, const Tensor& want, double rtol);

}  // namespace sil::test
