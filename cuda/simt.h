// What a .cu file includes first.  Under nvcc: a launch with an error check and an NVTX range.  Under g++: the same
// source runs on the host, each thread of a block a fiber (simt_host.h), so that every kernel is tested on machines
// without a GPU.  A kernel's body has no #ifdef.
//
//   template <class T>
//   __global__ void twice(int64_t n, const T* x, T* y) {
//     for (int64_t i = thread_index(); i < n; i += thread_count()) y[i] = 2 * x[i];
//   }
//   launch(stream, "twice", over(n), twice<float>, n, x, y);
#pragma once
#include "tensor/kernels.h"

#ifdef __CUDACC__
#include <cuda_runtime.h>
#include <nvtx3/nvToolsExt.h>

#include "cuda/queue.h"
#include "cuda/status.h"
#define SIL_GPU cuda  // the namespace: one program may hold both builds of the same source, and compare them
#else
#include "cuda/recording.h"
#include "cuda/simt_host.h"
#define SIL_GPU simt
#endif

namespace sil::SIL_GPU {

struct Grid {
  dim3 blocks, threads;
  size_t shared_bytes = 0;  // of dynamic shared memory
};

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xFFFFFFFFu;
constexpr int kThreads = 256;  // of a block, where a kernel has no wish of its own

constexpr int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// A grid whose threads stride over n elements: at most 8 blocks for each of an H100's 132 multiprocessors.
inline Grid over(int64_t n, int threads = kThreads) {
  const int64_t blocks = divide_up(n, threads), most = 8 * 132;
  return {dim3(unsigned(blocks < most ? blocks : most)), dim3(unsigned(threads))};
}

// A grid for a map [rows, columns] whose threads keep their column and walk the rows, row_step() apart: what belongs to
// a column is read and worked out once, and no element costs a division (of 64 bits some 70 instructions on a GPU).
inline Grid over_rows(int64_t rows, int64_t columns) {
  if (rows * columns == 0) return {0, 1};
  const int64_t x = columns < kThreads ? columns : kThreads, y = kThreads / x;
  const int64_t across = divide_up(columns, x), down = divide_up(rows, y), most = divide_up(8 * 132, across);
  return {dim3(unsigned(across), unsigned(down < most ? down : most)), dim3(unsigned(x), unsigned(y))};
}

__device__ inline int64_t column() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ inline int64_t first_row() { return int64_t(blockIdx.y) * blockDim.y + threadIdx.y; }
__device__ inline int64_t row_step() { return int64_t(gridDim.y) * blockDim.y; }

__device__ inline int64_t smaller(int64_t a, int64_t b) { return b < a ? b : a; }
__device__ inline int64_t thread_index() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ inline int64_t thread_count() { return int64_t(gridDim.x) * blockDim.x; }

// The block's dynamic shared memory, 16-byte aligned.
template <class T>
__device__ T* dynamic_shared() {
#ifdef __CUDACC__
  extern __shared__ uint4 dynamic_shared_memory[];
  return reinterpret_cast<T*>(dynamic_shared_memory);
#else
  return static_cast<T*>(dynamic_shared_memory());
#endif
}

// Runs `kernel` on the stream.  A grid without blocks does nothing.
template <class... Parameters, class... Arguments>
void launch(Stream stream, const char* name, Grid grid, void (*kernel)(Parameters...), Arguments... arguments) {
  if (grid.blocks.x == 0 || grid.blocks.y == 0 || grid.blocks.z == 0) return;
#ifdef __CUDACC__
  if (grid.shared_bytes > 48 * 1024)
    check_cuda(name, cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(grid.shared_bytes)));
  nvtxRangePushA(name);
  kernel<<<grid.blocks, grid.threads, grid.shared_bytes, queue(stream)>>>(Parameters(arguments)...);
  nvtxRangePop();
  check_cuda(name, cudaGetLastError());
#else
  (void)stream;
  const auto work = [=] {
    const auto thread = [&] { kernel(Parameters(arguments)...); };
    run(name, grid.blocks, grid.threads, grid.shared_bytes, Body::of(thread));
  };
  is_recording() ? write_down(work) : work();
#endif
}

}  // namespace sil::SIL_GPU
