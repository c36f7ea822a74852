#include "cuda/simt.h"
#include "tests/cuda/primitives.h"

namespace sil::SIL_GPU {
namespace {

__global__ void lanes_kernel(const int* x, int64_t* y) {
  const int t = int(threadIdx.x), v = x[t];
  const unsigned whole = kAllLanes, half = t % kWarp < 16 ? 0x0000FFFFu : 0xFFFF0000u;
  int row = 0;
  const auto put = [&](int64_t result) { y[row++ * blockDim.x + t] = result; };
  put(__shfl_sync(whole, v, 5));
  put(__shfl_sync(whole, v, t + 3, 8));
  put(__shfl_sync(whole, int64_t(v) << 32 | t, 31 - t % kWarp));
  put(int64_t(__shfl_sync(whole, float(v) / 2, t % 16 * 2) * 2));
  put(__shfl_up_sync(whole, v, 3));
  put(__shfl_up_sync(whole, v, 3, 8));
  put(__shfl_down_sync(whole, v, 3));
  put(__shfl_down_sync(whole, v, 3, 16));
  put(__shfl_xor_sync(whole, v, 9));
  put(__shfl_xor_sync(whole, v, 9, 8));
  put(__ballot_sync(whole, v % 3 == 0));
  put(__ballot_sync(half, v % 3 == 0));
  put(__any_sync(half, t == 37));
  put(__any_sync(whole, t < 40));
  put(__all_sync(half, t != 37));
  put(__all_sync(whole, t >= 32));
  put(__reduce_add_sync(half, v));
  put(__reduce_min_sync(half, v));
  put(__reduce_max_sync(half, v));
  put(__reduce_add_sync(whole, unsigned(v)));
  put(__reduce_min_sync(whole, unsigned(v)));
  put(__reduce_max_sync(whole, unsigned(v)));
  if (t % 2)  // lanes that the others do not wait for
    put(__shfl_xor_sync(0xAAAAAAAAu, v, 2));
  else
    put(__reduce_add_sync(0x55555555u, v));
}

__global__ void words_kernel(const int* x, int64_t* old, Words* words) {
  const int64_t t = thread_index(), n = thread_count();
  const int v = x[t];
  old[t] = atomicAdd(&words->counted, 1);
  old[n + t] = int64_t(atomicAdd(&words->counted64, 1ull << 33));
  old[2 * n + t] = atomicExch(&words->exchanged, int(t));
  int seen = 0;
  for (int now; (now = atomicCAS(&words->swapped, seen, seen + 1)) != seen;) seen = now;
  old[3 * n + t] = seen;
  atomicMin(&words->least, v);
  atomicMax(&words->most, v);
  atomicOr(&words->set, 1u << t % 31);
  atomicAnd(&words->kept, ~(1u << t % 7));
  atomicAdd(&words->halves, 0.5f);
  atomicMin(&words->least64, static_cast<unsigned long long>(v));
  atomicMax(&words->most64, static_cast<unsigned long long>(v));
}

void run_lanes(const Tensor& x, Tensor& y) {
  launch({}, "lanes", {1, kLanesThreads}, lanes_kernel, x.data<int32_t>(), y.data<int64_t>());
}

void run_words(const Tensor& x, Tensor& old, Tensor& words) {
  launch({}, "words", {kWordsThreads / kLanesThreads, kLanesThreads}, words_kernel, x.data<int32_t>(),
         old.data<int64_t>(), static_cast<Words*>(words.raw()));
}

}  // namespace

const Primitives primitives{run_lanes, run_words};

}  // namespace sil::SIL_GPU
