// Kernels with planted faults; faults_main.cpp runs the one that it is told to.  Each comment says who finds it.
#include "cuda/vector.h"
#include "tests/cuda/faults.h"

namespace sil::SIL_GPU {
namespace {

// Sums a block's 64 values into y[block].
template <bool kWithBarrier>
__global__ void block_sum(const float* x, float* y) {
  __shared__ float value[64];
  const int t = int(threadIdx.x);
  value[t] = x[blockIdx.x * 64 + t];
  for (int half = 32; half > 0; half /= 2) {
    if (kWithBarrier || half != 8) __syncthreads();
    if (t < half) value[t] += value[t + half];
  }
  if (t == 0) y[blockIdx.x] = value[0];
}

// ThreadSanitizer: threads of one block.
__global__ void count_plainly(int* count) { *count += 1; }

// ThreadSanitizer: threads of two blocks.
__global__ void count_blocks_plainly(int* count) {
  __shared__ int one;
  if (threadIdx.x == 0) one = 1;
  __syncthreads();
  if (threadIdx.x == 0) *count += one;
}

__global__ void count_atomically(int* count) { atomicAdd(count, 1); }

// AddressSanitizer.  A function of its own: what the compiler can see, UndefinedBehaviorSanitizer finds before.
__attribute__((noinline)) __device__ float load(const float* p) { return *p; }

__global__ void shared_overflow(float* y, int last) {
  __shared__ float value[32];
  __shared__ float other[32];
  const int t = int(threadIdx.x);
  other[t] = float(t);
  value[t] = float(t);
  __syncthreads();
  y[t] = other[t] + load(value + (t == 31 ? last : t));
}

__global__ void dynamic_overflow(float* y, int last) {
  float* value = dynamic_shared<float>();
  const int t = int(threadIdx.x);
  value[t == 31 ? last : t] = float(t);
  __syncthreads();
  y[t] = value[t];
}

__global__ void global_overflow(float* y, int64_t n) {
  const int64_t i = thread_index();
  if (i <= n) y[i] = float(i);
}

// Every build.
__global__ void divergent_barrier(float* y) {
  if (threadIdx.x == 5) return;
  __syncthreads();
  y[threadIdx.x] = 1;
}

__global__ void barriers_at_two_lines(float* y) {
  if (threadIdx.x < 40)
    __syncthreads();
  else
    __syncthreads();
  y[threadIdx.x] = 1;
}

__global__ void mask_without_caller(float* y) { y[threadIdx.x] = __shfl_sync(0x0000FFFFu, float(threadIdx.x), 0); }

__global__ void mask_of_lanes_that_left(float* y) {
  if (threadIdx.x % 32 >= 16) return;
  y[threadIdx.x] = __shfl_down_sync(0xFFFFFFFFu, float(threadIdx.x), 1);
}

__global__ void source_outside_the_mask(float* y) {
  if (threadIdx.x % 32 >= 16) return;
  y[threadIdx.x] = __shfl_xor_sync(0x0000FFFFu, float(threadIdx.x), 16);
}

__global__ void misaligned_vector(float* y) { store_vector(y + 4 * threadIdx.x + (threadIdx.x == 3), Vector<float>{}); }

// The two patterns: thread 0's element is read before anyone wrote it.
__global__ void reads_unwritten(float* y) {
  __shared__ float value[64];
  const int t = int(threadIdx.x);
  if (t > 0) value[t] = 1;
  __syncthreads();
  y[t] = value[t];
}

}  // namespace

void sum_with_barriers(In x, Out y) {
  launch({}, "block_sum", {dim3(unsigned(y.numel())), dim3(64)}, block_sum<true>, x.data<float>(), y.data<float>());
}
void sum_without_a_barrier(In x, Out y) {
  launch({}, "block_sum", {dim3(unsigned(y.numel())), dim3(64)}, block_sum<false>, x.data<float>(), y.data<float>());
}

bool run_fault(const std::string& name) {
  const Tensor y = Tensor::zeros({64}), count = Tensor::zeros({16}, DType::i32);
  float* out = y.data<float>();
  int* counter = count.data<int32_t>();
  if (name == "missing_barrier") {
    const Tensor x = Tensor::full({128}, 1);
    Tensor sums = Tensor::zeros({2});
    return sum_without_a_barrier(x, sums), true;
  }
  if (name == "plain_add") return launch({}, name.c_str(), {1, 64}, count_plainly, counter), true;
  if (name == "plain_add_of_blocks") return launch({}, name.c_str(), {4, 64}, count_blocks_plainly, counter), true;
  if (name == "shared_overflow") return launch({}, name.c_str(), {1, 32}, shared_overflow, out, 32), true;
  if (name == "dynamic_overflow") return launch({}, name.c_str(), {2, 32, 128}, dynamic_overflow, out, 32), true;
  if (name == "global_overflow") return launch({}, name.c_str(), {1, 128}, global_overflow, out, y.numel()), true;
  if (name == "divergent_barrier") return launch({}, name.c_str(), {1, 64}, divergent_barrier, out), true;
  if (name == "barriers_at_two_lines") return launch({}, name.c_str(), {1, 64}, barriers_at_two_lines, out), true;
  if (name == "mask_without_caller") return launch({}, name.c_str(), {1, 64}, mask_without_caller, out), true;
  if (name == "mask_of_lanes_that_left") return launch({}, name.c_str(), {1, 64}, mask_of_lanes_that_left, out), true;
  if (name == "source_outside_the_mask") return launch({}, name.c_str(), {1, 64}, source_outside_the_mask, out), true;
  if (name == "misaligned_vector") return launch({}, name.c_str(), {1, 8}, misaligned_vector, out), true;
  if (name == "no_fault") {
    const Tensor x = Tensor::full({128}, 1);
    Tensor sums = Tensor::zeros({2});
    sum_with_barriers(x, sums);
    launch({}, name.c_str(), {4, 64}, count_atomically, counter);
    return true;
  }
  return false;
}

Tensor unwritten() {
  const Tensor y = Tensor::zeros({64});
  launch({}, "reads_unwritten", {1, 64}, reads_unwritten, y.data<float>());
  return y;
}

}  // namespace sil::SIL_GPU
