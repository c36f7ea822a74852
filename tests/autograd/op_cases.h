// The table of cases of every differentiable operation.  One row drives: gradcheck in float64, the adjoint identity in
// float32 and bfloat16 where the operation is linear, and (later) other devices against the CPU.
//
//   {"relu", "both signs", [](Case& c) { return relu(c.distinct({3, 5})); }},
//   {"conv2d", "stride 2", [](Case& c) { return conv2d(c.var({1, 5, 4, 3}), c.var({2, 3, 3, 3}), {2, 1, 1}); }},
//
// A row draws its inputs from the Case, always in the same order and of the same shapes.  Values must be further than
// 1e-4 from a kink (relu at 0, smooth L1 at beta, ties in a maximum): `distinct` is, from ties and from 0.
#pragma once
#include <functional>
#include <vector>

#include "autograd/ops.h"
#include "tensor/rng.h"

namespace sil {

class Case {
 public:
  // If `given` is not empty, var and distinct give its Vars instead of new ones.
  Case(DType t, RngKey k, std::vector<Var> inputs = {}) : dtype(t), key(k), given(std::move(inputs)) {}

  // Inputs that the gradient is checked for.
  Var var(const Shape&, double lo = -1, double hi = 1);       // uniform
  Var distinct(const Shape&, double lo = -1, double hi = 1);  // evenly spaced, shuffled, none at the middle
  // Inputs without a gradient.
  Tensor tensor(const Shape&, double lo = -1, double hi = 1);  // of the case's dtype
  Tensor ints(const Shape&, int lo, int hi);                   // int32, uniform in [lo, hi)
  Tensor boxes(int64_t rows, double width, double height);     // x1, y1, x2, y2 inside, at least 1 wide and high

  const DType dtype;
  const RngKey key;
  const std::vector<Var> given;
  std::vector<Var> vars;  // what var and distinct gave so far

 private:
  Var next(Tensor drawn);
  uint64_t draws_ = 0;
};

struct OpCase {
  const char* op;    // its name in autograd/ops.h
  const char* what;  // what this row is about
  std::function<Var(Case&)> run;
  // Linear in all its vars together (f(ax + by) = a f(x) + b f(y)): the adjoint identity is checked too.
  bool linear = false;
};

// tests/autograd/cases_*.cpp
std::vector<OpCase> basic_cases();
std::vector<OpCase> loss_cases();
std::vector<OpCase> dense_cases();
std::vector<OpCase> roi_cases();

}  // namespace sil
