// Checks that the operations on boxes and RoIs share.  Each throws an Error: `op: name is ...; ... expected`.
#pragma once
#include "tensor/tensor.h"

namespace sil::ops {

// float32, or float64 on the CPU; [R, 4].
void check_boxes(const char* op, const char* name, const Tensor& boxes);
// int32 of that shape; `meaning` says what an element is.
void check_ints(const char* op, const char* name, const Tensor&, const Shape&, const char* meaning);
// The same, and every value from lo to hi.  Values are only read where that needs no wait: on the CPU.
void check_index(const char* op, const char* name, const Tensor& index, const Shape&, const char* meaning, int64_t lo,
                 int64_t hi);
void check_like(const char* op, const char* name, const Tensor&, const char* other_name, const Tensor& other);

}  // namespace sil::ops
