// bfloat16 on a CPU without bfloat16 arithmetic: operands are widened to float32, computed on, and rounded once.
#pragma once
#include "tensor/kernels.h"

namespace sil::cpu {

const float* widen(In x, Scratch&);  // nullptr for an undefined tensor
void narrow(const float* x, Out y);

}  // namespace sil::cpu
