// Several elements at a time: 16 bytes are what a thread moves best.  Their address is a multiple of their size.
#pragma once
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

}  // namespace
}  // namespace sil::SIL_GPU
