// Memory and the device itself.
#include <cuda_runtime.h>
#include <nvtx3/nvToolsExt.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <vector>

#include "cuda/census.h"
#include "cuda/library.h"
#include "cuda/queue.h"
#include "cuda/status.h"
#include "cuda/tf32.h"
#include "tensor/arena.h"
#include "tensor/check.h"
#include "tensor/cuda_device.h"

namespace sil {
namespace cuda {

namespace {

cudaStream_t own_queue = nullptr;  // since a GPU was opened

int capability_of(int gpu) {
  int major = 0, minor = 0;
  check_cuda("compute capability", cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, gpu));
  check_cuda("compute capability", cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, gpu));
  return 10 * major + minor;
}

// What to say of it; the next launch would find it again.
std::string failure(const std::string& what, cudaError_t status) {
  cudaGetLastError();
  return fmt::format("cuda: {}: {} ({})", what, cudaGetErrorString(status), cudaGetErrorName(status));
}

}  // namespace

cudaStream_t queue(Stream s) { return s.handle ? static_cast<cudaStream_t>(s.handle) : own_queue; }

void cuda_failed(const char* what, cudaError_t status) {
  const std::string text = failure(what, status);
  if (status != cudaErrorMemoryAllocation) fail("{}", text);
  size_t free = 0, total = 0;
  const bool known = cudaMemGetInfo(&free, &total) == cudaSuccess;
  OutOfMemory e(known ? fmt::format("{}, {} of the GPU's {} bytes free", text, free, total) : text);
  e.free = int64_t(free);
  throw e;
}

void* page_locked(size_t bytes) {
  void* p = nullptr;
  const cudaError_t status = cudaMallocHost(&p, bytes);
  if (status != cudaSuccess)
    fail("{}", failure(fmt::format("{} bytes of page-locked memory of the host", bytes), status));
  return p;
}

void* allocate(size_t bytes) {
  void* p = nullptr;
  const cudaError_t status = cudaMalloc(&p, bytes);
  if (status == cudaErrorMemoryAllocation) return cudaGetLastError(), nullptr;  // the arena says how much was asked
  check_cuda("allocate", status);
  return p;
}

void release(void* p) {
  if (cudaFree(p) != cudaSuccess)  // at the program's end the driver may be gone, and the memory with it
    cudaGetLastError();            // or the next launch would find it
}

void memory(size_t& free, size_t& total) { check_cuda("memory", cudaMemGetInfo(&free, &total)); }

void download(Stream s, const void* device, void* host, size_t bytes) {
  expect_no_recording("download");
  if (bytes == 0) return;
  check_cuda("download", cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, queue(s)));
  check_cuda("download", cudaStreamSynchronize(queue(s)));
}

namespace {

// Page-locked memory of the host, which the GPU copies to while the host goes on, and the copy's end.  They are kept:
// making one may wait for all that is queued.
struct Download {
  void* host = nullptr;
  size_t room = 0;
  cudaEvent_t done = nullptr;

  explicit Download(size_t bytes) : host(page_locked(bytes)), room(bytes) {
    check_cuda("download", cudaEventCreateWithFlags(&done, cudaEventDisableTiming));
  }
};
std::vector<Download*>& idle_downloads() {
  static auto& all = *new std::vector<Download*>;
  return all;
}

}  // namespace

void* begin_download(Stream s, const void* device, size_t bytes) {
  expect_no_recording("download");
  auto& idle = idle_downloads();
  const auto fits = std::find_if(idle.begin(), idle.end(), [&](const Download* d) { return d->room >= bytes; });
  auto* d = fits == idle.end() ? new Download(bytes + 1) : *fits;
  if (fits != idle.end()) idle.erase(fits);
  check_cuda("download", cudaMemcpyAsync(d->host, device, bytes, cudaMemcpyDeviceToHost, queue(s)));
  check_cuda("download", cudaEventRecord(d->done, queue(s)));
  return d;
}

void finish_download(void* begun, void* host, size_t bytes) {
  auto* d = static_cast<Download*>(begun);
  const cudaError_t status = cudaEventSynchronize(d->done);
  if (host && status == cudaSuccess) std::memcpy(host, d->host, bytes);
  idle_downloads().push_back(d);
  if (host) check_cuda("download", status);
}

void copy(Stream s, In x, Out y) {
  if (x.bytes() == 0) return;
  check_cuda("copy", cudaMemcpyAsync(y.raw(), x.raw(), x.bytes(), cudaMemcpyDeviceToDevice, queue(s)));
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
    if (index < census.gpus) census.capability = cuda::capability_of(index);
    const std::string problem = cuda::problem(census, index);
    check(problem.empty(), "{}", problem);
    cuda::check_cuda("count GPUs", status);
    cuda::check_cuda("open", cudaSetDevice(index));  // where their handles are made
    cuda::check_cuda("open", cudaStreamCreateWithFlags(&cuda::own_queue, cudaStreamNonBlocking));
    cuda::open_uploads(), cuda::open_cublas(), cuda::open_cudnn();
    cuda::allows_tf32();  // what is wrong with it is said now
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
    library.begin_download = cuda::begin_download, library.finish_download = cuda::finish_download;
    library.begin_recording = cuda::begin_recording, library.end_recording = cuda::end_recording;
    library.replay = cuda::replay, library.discard = cuda::discard;
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
