// Stands in for cuda/memory.cpp in a build without CUDA.
#include "tensor/check.h"
#include "tensor/cuda_device.h"
#include "tensor/kernels.h"

namespace sil {

const Kernels* cuda_kernels() { return nullptr; }

void open_cuda_device(int index) {
  fail("device cuda:{}: this build has no CUDA; build with CUDA Toolkit 12.8 or newer and -DSIL_CUDA=ON, or use cpu",
       index);
}

void push_range(const char*) {}
void pop_range() {}

}  // namespace sil
