// CUDA's kernel language on the host, for g++.  A launch runs block by block on one host thread; each thread of a block
// is a fiber (simt_host.cpp).  What a GPU leaves to chance is drawn by a seed: the order of blocks, and of threads
// between barriers.
//
// Found and named (kernel, block, thread, line), as an Error:
//   - a barrier that not all threads of the block reach, or reach at different lines;
//   - a warp primitive whose mask leaves out its caller, names a lane that does not come, or a source outside the mask;
//   - a vector access at an address that is no multiple of the vector's size (no line);
//   - a write past the end of dynamic shared memory (guard words; which block, not which thread).
// Shared memory is filled with a pattern before each block, and what is allocated is too: results that change with the
// pattern have read what nobody wrote.  AddressSanitizer sees accesses out of bounds in shared and global memory,
// ThreadSanitizer two unordered accesses of which one writes: threads are ordered by __syncthreads, __syncwarp and the
// ends of a launch alone, so blocks among themselves are not (shuffles and votes order nothing, as in CUDA).
#pragma once
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
// Static, so that AddressSanitizer puts redzones around each variable.  The build makes the .bss of kernels a section
// of its own, which the scheduler fills, so nothing else of a .cu may lie there.
#define __shared__ static

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};

// Of the fiber that runs; written by the scheduler alone.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

namespace sil::simt {

// Where a kernel called; clang 14 has no std::source_location.
struct Place {
  const char* file = "";
  unsigned line = 0;
};

// What chance decides, and what memory that nobody has written holds: a block's shared memory, and what is allocated.
struct Schedule {
  uint64_t seed = 0;
  uint32_t pattern = 0x7FC00000;  // a NaN
};
void set_schedule(Schedule);
void fill_unwritten(void* memory, size_t bytes);

// One thread's work, by reference.
struct Body {
  const void* closure = nullptr;
  void (*call)(const void*) = nullptr;

  template <class F>
  static Body of(const F& f) {
    return {&f, [](const void* p) { (*static_cast<const F*>(p))(); }};
  }
};

// Throws an Error where the kernel is at fault; its threads are unwound.
void run(const char* kernel, dim3 blocks, dim3 threads, size_t shared_bytes, Body);

void* dynamic_shared_memory();

// The fiber waits until all threads of the block, or all lanes of the mask, are there.
void sync_threads(Place);
void sync_warp(unsigned mask, Place);
// Every lane of the mask gives a value and the lane whose value it wants (or itself); returns that lane's value.  `op`
// names the primitive: lanes that meet must have called the same.
uint64_t exchange(const char* op, unsigned mask, uint64_t value, int from_lane, Place);
// Bit i: lane i of the mask came with a true predicate.
unsigned ballot(const char* op, unsigned mask, bool predicate, Place);
// Folds the values of the mask's lanes in the order of the lanes.
uint64_t fold_lanes(const char* op, unsigned mask, uint64_t value, uint64_t (*f)(uint64_t, uint64_t), Place);
int lane();
// That a vector of so many bytes may be read or written there.
void expect_aligned(const void*, size_t bytes);

template <class T>
uint64_t to_bits(T v) {
  static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>);
  uint64_t bits = 0;
  std::memcpy(&bits, &v, sizeof v);
  return bits;
}
template <class T>
T from_bits(uint64_t bits) {
  T v;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}

// The first lane of the segment of `width` lanes that the caller is in.
inline int segment(int width) { return lane() / width * width; }

}  // namespace sil::simt

// -- barriers, shuffles, votes, reductions ----------------------------------------------------------------------------
inline void __syncthreads(sil::simt::Place at = {__builtin_FILE(), __builtin_LINE()}) { sil::simt::sync_threads(at); }
inline void __syncwarp(unsigned mask = 0xFFFFFFFFu, sil::simt::Place at = {__builtin_FILE(), __builtin_LINE()}) {
  sil::simt::sync_warp(mask, at);
}

template <class T>
T __shfl_sync(unsigned mask, T v, int from, int width = 32,
              sil::simt::Place at = {__builtin_FILE(), __builtin_LINE()}) {
  const int lane = sil::simt::segment(width) + (from & (width - 1));
  return sil::simt::from_bits<T>(sil::simt::exchange("__shfl_sync", mask, sil::simt::to_bits(v), lane, at));
}
template <class T>
T __shfl_up_sync(unsigned mask, T v, unsigned by, int width = 32,
                 sil::simt::Place at = {__builtin_FILE(), __builtin_LINE()}) {
  const int self = sil::simt::lane(), lane = self - int(by);
  const int from = lane < sil::simt::segment(width) ? self : lane;
  return sil::simt::from_bits<T>(sil::simt::exchange("__shfl_up_sync", mask, sil::simt::to_bits(v), from, at));
}
template <class T>
T __shfl_down_sync(unsigned mask, T v, unsigned by, int width = 32,
                   sil::simt::Place at = {__builtin_FILE(), __builtin_LINE()}) {
  const int self = sil::simt::lane(), lane = self + int(by);
  const int from = lane >= sil::simt::segment(width) + width ? self : lane;
  return sil::simt::from_bits<T>(sil::simt::exchange("__shfl_down_sync", mask, sil::simt::to_bits(v), from, at));
}
template <class T>
T __shfl_xor_sync(unsigned mask, T v, int with, int width = 32,
                  sil::simt::Place at = {__builtin_FILE(), __builtin_LINE()}) {
  const int self = sil::simt::lane(), lane = self ^ with;
  const int from = lane >= sil::simt::segment(width) + width ? self : lane;
  return sil::simt::from_bits<T>(sil::simt::exchange("__shfl_xor_sync", mask, sil::simt::to_bits(v), from, at));
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              sil::simt::Place at = {__builtin_FILE(), __builtin_LINE()}) {
  return sil::simt::ballot("__ballot_sync", mask, predicate != 0, at);
}
inline int __any_sync(unsigned mask, int predicate, sil::simt::Place at = {__builtin_FILE(), __builtin_LINE()}) {
  return sil::simt::ballot("__any_sync", mask, predicate != 0, at) != 0;
}
inline int __all_sync(unsigned mask, int predicate, sil::simt::Place at = {__builtin_FILE(), __builtin_LINE()}) {
  return sil::simt::ballot("__all_sync", mask, predicate != 0, at) == mask;
}

namespace sil::simt {
template <class T, class F>
T reduce_lanes(const char* op, unsigned mask, T v, F, Place at) {
  static_assert(std::is_same_v<T, int> || std::is_same_v<T, unsigned>);
  const auto fold = [](uint64_t a, uint64_t b) { return to_bits(F()(from_bits<T>(a), from_bits<T>(b))); };
  return from_bits<T>(fold_lanes(op, mask, to_bits(v), fold, at));
}
}  // namespace sil::simt

template <class T>
T __reduce_add_sync(unsigned mask, T v, sil::simt::Place at = {__builtin_FILE(), __builtin_LINE()}) {
  return sil::simt::reduce_lanes(
      "__reduce_add_sync", mask, v, [](T a, T b) { return T(unsigned(a) + unsigned(b)); }, at);
}
template <class T>
T __reduce_min_sync(unsigned mask, T v, sil::simt::Place at = {__builtin_FILE(), __builtin_LINE()}) {
  return sil::simt::reduce_lanes(
      "__reduce_min_sync", mask, v, [](T a, T b) { return b < a ? b : a; }, at);
}
template <class T>
T __reduce_max_sync(unsigned mask, T v, sil::simt::Place at = {__builtin_FILE(), __builtin_LINE()}) {
  return sil::simt::reduce_lanes(
      "__reduce_max_sync", mask, v, [](T a, T b) { return b > a ? b : a; }, at);
}

// -- atomics: relaxed, as CUDA's; they return the old value -----------------------------------------------------------
namespace sil::simt {
template <class T, class F>
T atomic_update(T* p, F f) {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  Bits* word = reinterpret_cast<Bits*>(p);
  Bits old = __atomic_load_n(word, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(word, &old, std::bit_cast<Bits>(f(std::bit_cast<T>(old))), false,
                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return std::bit_cast<T>(old);
}
}  // namespace sil::simt

template <class T>
T atomicAdd(T* p, std::type_identity_t<T> v) {
  return sil::simt::atomic_update(p, [v](T old) { return T(old + v); });
}
template <class T>
T atomicMax(T* p, std::type_identity_t<T> v) {
  return sil::simt::atomic_update(p, [v](T old) { return old < v ? v : old; });
}
template <class T>
T atomicMin(T* p, std::type_identity_t<T> v) {
  return sil::simt::atomic_update(p, [v](T old) { return v < old ? v : old; });
}
template <class T>
T atomicOr(T* p, std::type_identity_t<T> v) {
  return sil::simt::atomic_update(p, [v](T old) { return T(old | v); });
}
template <class T>
T atomicAnd(T* p, std::type_identity_t<T> v) {
  return sil::simt::atomic_update(p, [v](T old) { return T(old & v); });
}
template <class T>
T atomicExch(T* p, std::type_identity_t<T> v) {
  return sil::simt::atomic_update(p, [v](T) { return v; });
}
template <class T>
T atomicCAS(T* p, std::type_identity_t<T> expected, std::type_identity_t<T> v) {
  return sil::simt::atomic_update(p, [=](T old) { return old == expected ? v : old; });
}

// -- bits -------------------------------------------------------------------------------------------------------------
inline int __popc(unsigned v) { return std::popcount(v); }
inline int __popcll(unsigned long long v) { return std::popcount(v); }
inline int __ffsll(long long v) { return v ? std::countr_zero(static_cast<unsigned long long>(v)) + 1 : 0; }
inline int __float_as_int(float v) { return std::bit_cast<int>(v); }
inline float __int_as_float(int v) { return std::bit_cast<float>(v); }
