#include "autograd/gradcheck.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "tensor/check.h"
#include "tensor/ops.h"

namespace sil {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<double> doubles(const Tensor& t) { return ops::cast(t, DType::f64).to_vector<double>(); }

struct Gradients {
  Tensor y;
  std::vector<Tensor> of_inputs;
};

// The output, and the inputs' gradients where dy_of(output) flows back.
Gradients run_backward(const Function& f, const std::vector<Tensor>& inputs,
                       const std::function<Tensor(const Tensor&)>& dy_of) {
  std::vector<Var> vars;
  for (const Tensor& x : inputs) vars.push_back(Var::parameter(x.clone()));
  const Var y = f(vars);
  backward({y}, {dy_of(y.value())});
  Gradients g{y.value(), {}};
  for (const Var& v : vars) g.of_inputs.push_back(v.grad().defined() ? v.grad() : zeros_like(v.value()));
  return g;
}

// Empty if each gradient is of its input's shape and dtype.
std::string misfit(const std::vector<Tensor>& inputs, const std::vector<Tensor>& gradients) {
  for (size_t i = 0; i < inputs.size(); ++i)
    if (gradients[i].shape() != inputs[i].shape() || gradients[i].dtype() != inputs[i].dtype())
      return fmt::format("input {} is {} {}, its gradient {} {}", i, name(inputs[i].dtype()), inputs[i].shape(),
                         name(gradients[i].dtype()), gradients[i].shape());
  return "";
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double s = 0;
  for (size_t i = 0; i < a.size(); ++i) s += a[i] * b[i];
  return s;
}

double dot_of_sizes(const std::vector<double>& a, const std::vector<double>& b) {
  double s = 0;
  for (size_t i = 0; i < a.size(); ++i) s += std::abs(a[i] * b[i]);
  return s;
}

double unit_roundoff(DType t) { return t == DType::bf16 ? 0x1p-9 : t == DType::f32 ? 0x1p-24 : 0x1p-53; }

}  // namespace

Disagreement gradcheck(const Function& f, const std::vector<Tensor>& inputs, RngKey key) {
  constexpr double h = 1e-5;
  std::vector<double> weight;
  const Gradients g = run_backward(f, inputs, [&](const Tensor& y) {
    for (int64_t i = 0; i < y.numel(); ++i) weight.push_back(2 * key.uniform64(uint64_t(i)) - 1);
    return Tensor::of<double>(y.shape(), weight);
  });
  if (const std::string text = misfit(inputs, g.of_inputs); !text.empty()) return {kInfinity, text};

  std::vector<Tensor> moved;
  for (const Tensor& x : inputs) moved.push_back(x.clone());
  auto loss = [&] {
    NoGrad none;
    return dot(weight, f({moved.begin(), moved.end()}).value().to_vector<double>());
  };
  Disagreement worst;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::vector<double> by_backward = g.of_inputs[i].to_vector<double>();
    double largest = 0;
    for (double d : by_backward) largest = std::max(largest, std::abs(d));
    double* x = moved[i].data<double>();
    for (size_t e = 0; e < by_backward.size(); ++e) {
      const double at = x[e];
      x[e] = at + h;
      const double above = loss();
      x[e] = at - h;
      const double below = loss();
      x[e] = at;
      const double numeric = (above - below) / (2 * h), given = by_backward[e];
      const double size = std::max({std::abs(numeric), std::abs(given), 1e-2 * largest, 1e-30});
      const double error = std::isfinite(numeric - given) ? std::abs(numeric - given) / size : kInfinity;
      if (error > worst.error)
        worst = {error, fmt::format("input {} {}, element {}: backward {}, differences {}", i, inputs[i].shape(), e,
                                    given, numeric)};
    }
  }
  return worst;
}

Disagreement adjoint_check(const Function& f, const std::vector<Tensor>& inputs, RngKey key) {
  Tensor dy;
  const Gradients g = run_backward(f, inputs, [&](const Tensor& y) {
    std::vector<double> v = doubles(y);
    for (size_t i = 0; i < v.size(); ++i) v[i] *= 0.5 + key.uniform64(i);
    return dy = ops::cast(Tensor::of<double>(y.shape(), v), y.dtype());
  });
  if (const std::string text = misfit(inputs, g.of_inputs); !text.empty()) return {kInfinity, text};
  const std::vector<double> left = doubles(dy), y = doubles(g.y);
  double forward = dot(left, y), back = 0, size = dot_of_sizes(left, y), unit = unit_roundoff(g.y.dtype());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::vector<double> dx = doubles(g.of_inputs[i]), x = doubles(inputs[i]);
    back += dot(dx, x);
    size += dot_of_sizes(dx, x);
    unit = std::max(unit, unit_roundoff(inputs[i].dtype()));
  }
  const std::string where = fmt::format("<dy, f(x)> is {}, <f*(dy), x> is {}", forward, back);
  if (!std::isfinite(forward - back)) return {kInfinity, where};
  return {size > 0 ? std::abs(forward - back) / size / unit : 0, where};
}

}  // namespace sil
