// The part of the GPU's table that NVIDIA's libraries do: memory, convolutions (cuDNN), matrix products (cuBLAS).
// Compiled only where CUDA is; table.cu joins it with the kernels.
#pragma once
#include "tensor/kernels.h"

namespace sil::cuda {

// upload.cpp
void open_uploads();  // the stream and the memory that they need
KernelFunction<decltype(Kernels::upload)> upload;
// memory.cpp
void* page_locked(size_t bytes);  // of the host's memory: what a GPU copies to and from while the host goes on
KernelFunction<decltype(Kernels::allocate)> allocate;
KernelFunction<decltype(Kernels::release)> release;
KernelFunction<decltype(Kernels::memory)> memory;
KernelFunction<decltype(Kernels::download)> download;
KernelFunction<decltype(Kernels::begin_download)> begin_download;
KernelFunction<decltype(Kernels::finish_download)> finish_download;
KernelFunction<decltype(Kernels::copy)> copy;
// graph.cpp
KernelFunction<decltype(Kernels::begin_recording)> begin_recording;
KernelFunction<decltype(Kernels::end_recording)> end_recording;
KernelFunction<decltype(Kernels::replay)> replay;
KernelFunction<decltype(Kernels::discard)> discard;
void expect_no_recording(const char* what);  // an Error while work is recorded: it would not be repeated
// cublas.cpp
void open_cublas();  // an Error if it is not there
size_t cublas_version();
KernelFunction<decltype(Kernels::matmul)> matmul;
// cudnn.cpp
void open_cudnn();
size_t cudnn_version();
KernelFunction<decltype(Kernels::conv2d)> conv2d;
KernelFunction<decltype(Kernels::conv2d_backward_input)> conv2d_backward_input;
KernelFunction<decltype(Kernels::conv2d_backward_weight)> conv2d_backward_weight;
KernelFunction<decltype(Kernels::conv_transpose2d)> conv_transpose2d;
KernelFunction<decltype(Kernels::conv_transpose2d_backward_input)> conv_transpose2d_backward_input;
KernelFunction<decltype(Kernels::conv_transpose2d_backward_weight)> conv_transpose2d_backward_weight;

// Of the kernels, which these files call or join.
void epilogue(Stream, In bias, In skip, bool relu, Out y);
KernelFunction<decltype(Kernels::fill)> fill;
Kernels with_kernels(const Kernels& library);

}  // namespace sil::cuda
