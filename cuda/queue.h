// The stream that a process's work on its GPU goes to: one of its own, as the default one cannot be recorded.
#pragma once
#include <cuda_runtime.h>

#include "tensor/kernels.h"

namespace sil::cuda {

cudaStream_t queue(Stream);  // the stream itself, where it names one; memory.cpp

}  // namespace sil::cuda
