// 16 bytes at a time: what a thread moves best.  Their address is a multiple of 16.
#pragma once
#include "cuda/simt.h"

namespace sil::SIL_GPU {
namespace {

template <class T>
struct alignas(16) Vector {
  static constexpr int kSize = 16 / int(sizeof(T));
  T lane[kSize];
};

template <class T>
__device__ Vector<T> load_vector(const T* p) {
  return *reinterpret_cast<const Vector<T>*>(p);
}

template <class T>
__device__ void store_vector(T* p, const Vector<T>& v) {
  *reinterpret_cast<Vector<T>*>(p) = v;
}

}  // namespace
}  // namespace sil::SIL_GPU
