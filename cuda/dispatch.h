// From a tensor's dtype to C++ types, for the launchers of this folder.  Elements are read as float, computed on as
// float and rounded once: T(float(x[i]) * 2).
#pragma once
#include "cuda/simt.h"
#include "tensor/check.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

namespace sil::SIL_GPU {

template <class F>
void for_float(const char* kernel, DType dtype, F f) {
  switch (dtype) {
    case DType::f32:
      return f(float());
    case DType::bf16:
      return f(bfloat16());
    case DType::f16:
      return f(float16());
    default:
      fail("{}: {} is for the CPU; float32, bfloat16 or float16 expected on a GPU", kernel, name(dtype));
  }
}

template <class F>
void for_any(const char* kernel, DType dtype, F f) {
  switch (dtype) {
    case DType::i32:
      return f(int32_t());
    case DType::i64:
      return f(int64_t());
    case DType::u8:
      return f(uint8_t());
    default:
      return for_float(kernel, dtype, f);
  }
}

// Boxes are float32 on a GPU.
inline const float* boxes_of(const char* kernel, const Tensor& boxes) {
  check(boxes.dtype() == DType::f32, "{}: boxes are {}; float32 expected on a GPU", kernel, name(boxes.dtype()));
  return boxes.data<float>();
}

template <class T>
const T* data_or_null(const Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}

}  // namespace sil::SIL_GPU
