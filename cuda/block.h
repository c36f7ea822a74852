// What the threads of a block do together.  All threads of the block call these; the block has whole warps.
#pragma once
#include "cuda/simt.h"

namespace sil::SIL_GPU {
namespace {

// Folds the lanes' values; every lane gets the result.  f commutes, so that all lanes get the same bits.
template <class T, class F>
__device__ T warp_fold(T v, F f) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) v = f(v, __shfl_xor_sync(kAllLanes, v, distance));
  return v;
}

// The same over the block, always in the same order.
template <class T, class F>
__device__ T block_fold(T v, F f) {
  __shared__ T of_warp[kWarp];
  v = warp_fold(v, f);
  __syncthreads();  // the call before this one has been read
  if (threadIdx.x % kWarp == 0) of_warp[threadIdx.x / kWarp] = v;
  __syncthreads();
  v = of_warp[0];
  for (unsigned w = 1; w < blockDim.x / kWarp; ++w) v = f(v, of_warp[w]);
  return v;
}

struct Sum {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};

template <class T>
__device__ T block_sum(T v) {
  return block_fold(v, Sum());
}

// The sum of the values of the lanes up to this one.
__device__ inline int warp_scan(int sum) {
  for (int distance = 1; distance < kWarp; distance *= 2) {
    const int before = __shfl_up_sync(kAllLanes, sum, distance);
    if (int(threadIdx.x) % kWarp >= distance) sum += before;
  }
  return sum;
}

// The sum of the values of all threads before this one; `total` gets that of all.
__device__ inline int block_scan(int v, int& total) {
  __shared__ int of_warp[kWarp];
  const int lane = int(threadIdx.x) % kWarp, warp = int(threadIdx.x) / kWarp;
  const int sum = warp_scan(v);
  __syncthreads();  // the call before this one has been read
  if (lane == kWarp - 1) of_warp[warp] = sum;
  __syncthreads();
  const int through = warp_scan(lane < int(blockDim.x) / kWarp ? of_warp[lane] : 0);  // each warp by itself: no barrier
  total = __shfl_sync(kAllLanes, through, kWarp - 1);
  const int before = __shfl_sync(kAllLanes, through, warp > 0 ? warp - 1 : 0);
  return (warp > 0 ? before : 0) + sum - v;
}

}  // namespace
}  // namespace sil::SIL_GPU
