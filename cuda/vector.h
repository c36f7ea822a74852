// Several elements at a time: 16 bytes are what a thread moves best.  Their address is a multiple of their size.
#pragma once
#include <initializer_list>

#include "cuda/simt.h"

namespace sil::SIL_GPU {
namespace {

template <class T>
constexpr int kVector = 16 / int(sizeof(T));

template <class T, int N = kVector<T>>
struct alignas(N * sizeof(T)) Vector {
  T lane[N];
};

template <class V, class T>
__device__ V* vector_at(T* p) {
#ifndef __CUDACC__
  simt::expect_aligned(p, sizeof(V));
#endif
  return reinterpret_cast<V*>(p);
}

template <int N, class T>
__device__ Vector<T, N> load_vector(const T* p) {
  return *vector_at<const Vector<T, N>>(p);
}

template <class T, int N>
__device__ void store_vector(T* p, const Vector<T, N>& v) {
  *vector_at<Vector<T, N>>(p) = v;
}

// Sums, rounded once.
template <class T, int N>
__device__ Vector<T, N> rounded(const float (&sum)[N]) {
  Vector<T, N> v;
  for (int k = 0; k < N; ++k) v.lane[k] = T(sum[k]);
  return v;
}

// Calls f with how many elements to move at a time, as a constant: N where rows of so many elements are whole vectors
// and what lies at the addresses (or nothing) begins with one, else 1.  A vector of N elements has at most 16 bytes.
template <int N, class F, class Addresses = std::initializer_list<const void*>>
void by_vectors(int64_t row, const Addresses& addresses, F f) {
  bool whole = row % N == 0;
  for (const void* p : addresses) whole = whole && reinterpret_cast<uintptr_t>(p) % 16 == 0;
  whole ? f(std::integral_constant<int, N>()) : f(std::integral_constant<int, 1>());
}

}  // namespace
}  // namespace sil::SIL_GPU
