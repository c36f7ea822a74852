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

template <int N, class T>
__device__ Vector<T, N> load_vector(const T* p) {
  return *reinterpret_cast<const Vector<T, N>*>(p);
}

template <class T, int N>
__device__ void store_vector(T* p, const Vector<T, N>& v) {
  *reinterpret_cast<Vector<T, N>*>(p) = v;
}

}  // namespace
}  // namespace sil::SIL_GPU
