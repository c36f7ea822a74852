// From a tensor's dtype to C++ types, for the kernels of this folder.
//
//   for_float(x.dtype(), [&](auto t) {
//     using T = decltype(t);          // float, bfloat16 or double
//     using A = Compute<T>;           // what it is computed and accumulated in
//     y.data<T>()[i] = T(A(x.data<T>()[i]) * A(2));
//   });
#pragma once
#include <cstdlib>
#include <type_traits>

#include "tensor/dtype.h"

namespace sil::cpu {

// bfloat16 is read as float32, accumulated in float32 and rounded once.
template <class T>
using Compute = std::conditional_t<std::is_same_v<T, double>, double, float>;

// y = x, rounded.  By its bits: g++ 12 does not vectorise a loop that copies a struct.
template <class T>
void put(T& y, Compute<T> x) {
  if constexpr (std::is_same_v<T, bfloat16>)
    y.bits = bfloat16(x).bits;
  else
    y = x;
}

template <class F>
void for_float(DType dtype, F f) {
  switch (dtype) {
    case DType::f32:
      return f(float());
    case DType::bf16:
      return f(bfloat16());
    case DType::f64:
      return f(double());
    default:
      std::abort();  // ops checked it
  }
}

// Boxes: float32 or float64.
template <class F>
void for_boxes(DType dtype, F f) {
  dtype == DType::f64 ? f(double()) : f(float());
}

// Any dtype of the CPU.
template <class F>
void for_any(DType dtype, F f) {
  switch (dtype) {
    case DType::i32:
      return f(int32_t());
    case DType::i64:
      return f(int64_t());
    case DType::u8:
      return f(uint8_t());
    default:
      return for_float(dtype, f);
  }
}

}  // namespace sil::cpu
