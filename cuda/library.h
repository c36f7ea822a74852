// The part of the GPU's table that NVIDIA's libraries do: memory, convolutions (cuDNN), matrix products (cuBLAS).
// Compiled only where CUDA is; table.cu joins it with the kernels.
#pragma once
#include <type_traits>

#include "tensor/kernels.h"

namespace sil::cuda {

template <class Pointer>
using Function = std::remove_pointer_t<Pointer>;

// memory.cpp
Function<decltype(Kernels::allocate)> allocate;
Function<decltype(Kernels::release)> release;
Function<decltype(Kernels::upload)> upload;
Function<decltype(Kernels::download)> download;
Function<decltype(Kernels::copy)> copy;
// cublas.cpp
Function<decltype(Kernels::matmul)> matmul;
// cudnn.cpp
Function<decltype(Kernels::conv2d)> conv2d;
Function<decltype(Kernels::conv2d_backward_input)> conv2d_backward_input;
Function<decltype(Kernels::conv2d_backward_weight)> conv2d_backward_weight;
Function<decltype(Kernels::conv_transpose2d)> conv_transpose2d;
Function<decltype(Kernels::conv_transpose2d_backward_input)> conv_transpose2d_backward_input;
Function<decltype(Kernels::conv_transpose2d_backward_weight)> conv_transpose2d_backward_weight;

// Of the kernels, which these files call or join.
void epilogue(Stream, In bias, In skip, bool relu, Out y);
Function<decltype(Kernels::fill)> fill;
Kernels with_kernels(const Kernels& library);

}  // namespace sil::cuda
