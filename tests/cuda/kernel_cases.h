// The table of cases that holds every kernel of cuda/ against the CPU's: on Device::simt() by test_cuda, on a GPU by
// test_gpu.  A row runs operations on the device that it is given and returns all they wrote.
#pragma once
#include <functional>
#include <vector>

#include "tensor/ops.h"

namespace sil {

// Where a case runs, and of what dtype its floats are.
struct On {
  Device device;
  DType dtype;

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

// Runs each row's operations on the CPU and on the device, in float32 and, where a row has it, bfloat16, and holds one
// against the other, as doctest's checks; twice on the device: not a bit may change.  `once`: once, in float32 alone.
void hold_to_cpu(const std::vector<KernelCase>&, Device, bool once = false);

}  // namespace sil
