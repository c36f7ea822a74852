// Two ways to find a wrong backward.  Both run f forward and backward themselves, so f must be a pure function.
#pragma once
#include <functional>
#include <string>

#include "autograd/var.h"
#include "tensor/rng.h"

namespace sil {

using Function = std::function<Var(const std::vector<Var>& inputs)>;

struct Disagreement {
  double error = 0;   // 0: none; infinity: something was not finite, or of another shape or dtype than its input
  std::string where;  // the input and the element, and both values
};

// Gradients by backward against central differences (f(x + h) - f(x - h)) / 2h, for inputs in float64, further than h =
// 1e-5 from any kink.  The output is weighted by random numbers.  The error is relative to the larger of the two
// values, or to 1e-2 of the input's largest gradient where both are smaller.
Disagreement gradcheck(const Function& f, const std::vector<Tensor>& inputs, RngKey key);

// For f linear in all its inputs together: <dy, f(x)> = <f*(dy), x>, f* being backward, for inputs of any dtype.  dy is
// f(x) times random numbers in [0.5, 1.5), so that nothing cancels.  The error is relative to both sides' sums of
// absolute terms and in units of the dtype's rounding (2^-24 in float32, 2^-9 in bfloat16, 2^-53 in float64).
Disagreement adjoint_check(const Function& f, const std::vector<Tensor>& inputs, RngKey key);

}  // namespace sil
