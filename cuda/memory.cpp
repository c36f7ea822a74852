// Memory and the device itself.
#include <cuda_runtime.h>
#include <nvtx3/nvToolsExt.h>

#include <mutex>

#include "cuda/census.h"
#include "cuda/library.h"
#include "cuda/status.h"
#include "tensor/check.h"
#include "tensor/cuda_device.h"

namespace sil {
namespace cuda {

void cuda_failed(const char* what, cudaError_t status) {
  fail("cuda: {}: {} ({})", what, cudaGetErrorString(status), cudaGetErrorName(status));
}

void* allocate(size_t bytes) {
  void* p = nullptr;
  const cudaError_t status = cudaMalloc(&p, bytes);
  if (status == cudaErrorMemoryAllocation) return cudaGetLastError(), nullptr;  // the arena says how much was asked
  check_cuda("allocate", status);
  return p;
}

void release(void* p) { cudaFree(p); }  // at the program's end the driver may be gone, and the memory with it

void memory(size_t& free, size_t& total) { check_cuda("memory", cudaMemGetInfo(&free, &total)); }

void upload(Stream s, const void* host, void* device, size_t bytes) {
  if (bytes == 0) return;
  const auto stream = static_cast<cudaStream_t>(s.handle);
  check_cuda("upload", cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream));
  check_cuda("upload", cudaStreamSynchronize(stream));  // the host's memory may go away after this
}

void download(Stream s, const void* device, void* host, size_t bytes) {
  if (bytes == 0) return;
  const auto stream = static_cast<cudaStream_t>(s.handle);
  check_cuda("download", cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream));
  check_cuda("download", cudaStreamSynchronize(stream));
}

void copy(Stream s, In x, Out y) {
  if (x.bytes() == 0) return;
  check_cuda("copy", cudaMemcpyAsync(y.raw(), x.raw(), x.bytes(), cudaMemcpyDeviceToDevice,
                                     static_cast<cudaStream_t>(s.handle)));
}

}  // namespace cuda

// A process works on one GPU, from the thread that opens it.
void open_cuda_device(int index) {
  static std::mutex mutex;
  static int opened = -1;
  const std::lock_guard lock(mutex);
  if (opened == -1) {
    cuda::Census census{.gpus = 0, .driver = 0, .runtime = CUDART_VERSION};
    cuda::check_cuda("driver", cudaDriverGetVersion(&census.driver));
    const cudaError_t status = census.driver ? cudaGetDeviceCount(&census.gpus) : cudaErrorNoDevice;
    const bool counted = status == cudaSuccess || status == cudaErrorNoDevice || status == cudaErrorInsufficientDriver;
    if (!counted) cuda::check_cuda("count GPUs", status);  // there may be one, out of order
    const std::string problem = cuda::problem(census, index);
    check(problem.empty(), "{}", problem);
    cuda::check_cuda("count GPUs", status);
    cuda::check_cuda("open", cudaSetDevice(index));  // where their handles are made
    cuda::open_cublas(), cuda::open_cudnn();
    opened = index;
  }
  check(opened == index, "device cuda:{}: this process works on cuda:{} already; one GPU expected", index, opened);
  cuda::check_cuda("open", cudaSetDevice(index));
}

void push_range(const char* name) { nvtxRangePushA(name); }
void pop_range() { nvtxRangePop(); }

const Kernels* cuda_kernels() {
  static const Kernels table = [] {
    Kernels library{};
    library.allocate = cuda::allocate, library.release = cuda::release, library.memory = cuda::memory;
    library.upload = cuda::upload, library.download = cuda::download, library.copy = cuda::copy;
    library.matmul = cuda::matmul;
    library.conv2d = cuda::conv2d;
    library.conv2d_backward_input = cuda::conv2d_backward_input;
    library.conv2d_backward_weight = cuda::conv2d_backward_weight;
    library.conv_transpose2d = cuda::conv_transpose2d;
    library.conv_transpose2d_backward_input = cuda::conv_transpose2d_backward_input;
    library.conv_transpose2d_backward_weight = cuda::conv_transpose2d_backward_weight;
    return cuda::with_kernels(library);
  }();
  return &table;
}

}  // namespace sil
