// The table of cases that holds every kernel of cuda/ against the CPU's: on Device::simt() by test_cuda, on a GPU by
// test_gpu.  A row runs operations on the device that it is given and returns all they wrote.
#pragma once
#include <functional>
#include <vector>

#include "tensor/ops.h"

namespace sil {

// Where a case runs, and of what dtype its floats are; their values fit in `rounded_to`.
struct On {
  Device device;
  DType dtype, rounded_to;

  Tensor operator()(const Tensor& t) const { return t.to(device); }
  Tensor random(const Shape&, uint64_t seed, double lo = -2, double hi = 2) const;  // of the dtype
  Tensor floats(const Shape&, const std::vector<double>&) const;                    // of the dtype
  Tensor ints(const std::vector<int32_t>&) const;
};

struct KernelCase {
  const char* kernel;  // its name in tensor/kernels.h
  const char* what;
  std::function<std::vector<Tensor>(const On&)> run;
  // How far a float may be from the CPU's, in roundings of the tensor's largest value; integers must be equal.
  double roundings = 4;
  bool only_f32 = false;  // boxes
  // Products in the longest sum of a row that two libraries add up in orders of their own: in float32 it is held to
  // the CPU's float64, and may be off by sqrt(longest_sum) roundings, as sums of random rounding errors are (Higham
  // and Mary, A New Approach to Probabilistic Rounding Error Analysis, SIAM J. Sci. Comput. 41, 2019).
  int64_t longest_sum = 0;
  bool no_f16 = false;  // each of its steps rounds what the next one divides by, which float32 does not
};

// tests/cuda/cases_*.cpp
std::vector<KernelCase> movement_cases();
std::vector<KernelCase> elementwise_cases();
std::vector<KernelCase> map_cases();
std::vector<KernelCase> loss_kernel_cases();
std::vector<KernelCase> box_cases();
std::vector<KernelCase> roi_kernel_cases();
std::vector<KernelCase> optimizer_cases();
std::vector<KernelCase> dense_cases();  // on a GPU cuDNN's and cuBLAS's, on fibers the CPU's own

// Runs each row's operations on the CPU and on the device, in float32 and, where a row has it, bfloat16 and float16
// (which the CPU's operations do in float32), and holds one against the other, as doctest's checks; twice on the
// device: not a bit may change.  `once`: once, in float32 alone.
void hold_to_cpu(const std::vector<KernelCase>&, Device, bool once = false);

}  // namespace sil
