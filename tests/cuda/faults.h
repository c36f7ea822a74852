// The kernels of faults.cu.
#pragma once
#include <string>

#include "tensor/tensor.h"

namespace sil::simt {

// Sums 64 values a block; without one of its barriers the result hangs on the order of threads.
void sum_with_barriers(const Tensor& x, Tensor& y);
void sum_without_a_barrier(const Tensor& x, Tensor& y);
Tensor unwritten();  // of a kernel that reads shared memory that nobody wrote

// Runs the kernel with the fault of this name; false if there is none.
bool run_fault(const std::string& name);

}  // namespace sil::simt
