// Errors of the CUDA runtime as ours.
#pragma once
#include <cuda_runtime.h>

namespace sil::cuda {

[[noreturn]] void cuda_failed(const char* what, cudaError_t);

inline void check_cuda(const char* what, cudaError_t status) {
  if (status != cudaSuccess) [[unlikely]]
    cuda_failed(what, status);
}

}  // namespace sil::cuda
