// Optimizer steps over lists of parameters.
#include <fmt/format.h>

#include "tensor/ops.h"
#include "tensor/ops/arguments.h"

namespace sil::ops {
namespace {

void want_lists(const char* op, const std::vector<Tensor>& w, const char* name, const std::vector<Tensor>& other) {
  check(w.size() == other.size(), "{}: {} parameters, {} of them with a {}; all expected", op, w.size(), other.size(),
        name);
  for (size_t i = 0; i < w.size(); ++i) {
    const std::string parameter = fmt::format("parameter {}", i), its = fmt::format("{} {}", name, i);
    want_float(op, parameter.c_str(), w[i]);
    want_alike(op, parameter.c_str(), w[i], its.c_str(), other[i]);
    want_same_shape(op, parameter.c_str(), w[i], its.c_str(), other[i]);
    want_alike(op, "parameter 0", w[0], parameter.c_str(), w[i]);
  }
}

void want_numbers(const char* op, const std::vector<Tensor>& w, const StepNumbers& n) {
  const auto want = [&](const char* name, const Tensor& t, DType dtype) {
    check(t.defined(), "{}: {} is undefined; {} [1] expected", op, name, sil::name(dtype));
    check(t.dtype() == dtype && t.numel() == 1, "{}: {} is {} {}; {} [1] expected", op, name, sil::name(t.dtype()),
          t.shape(), sil::name(dtype));
    check(w.empty() || t.device() == w[0].device(), "{}: {} is on {}, parameter 0 on {}; one device expected", op, name,
          t.device().str(), w[0].device().str());
  };
  want("rate", n.rate, DType::f64);
  want("steps", n.steps, DType::i64);
  if (!n.norm.defined()) return;
  want("norm", n.norm, DType::f32);
  check(n.max_norm > 0, "{}: max_norm is {}; above 0 expected", op, n.max_norm);
}

}  // namespace

void sgd(std::vector<Tensor>& w, const std::vector<Tensor>& g, std::vector<Tensor>& momentum,
         const StepNumbers& numbers, SgdStep step) {
  want_lists("sgd", w, "gradient", g);
  want_lists("sgd", w, "momentum", momentum);
  want_numbers("sgd", w, numbers);
  if (!w.empty()) w[0].device().kernels().sgd({}, w, g, momentum, numbers, step);
}

void adamw(std::vector<Tensor>& w, const std::vector<Tensor>& g, std::vector<Tensor>& m, std::vector<Tensor>& v,
           const StepNumbers& numbers, AdamWStep step) {
  want_lists("adamw", w, "gradient", g);
  want_lists("adamw", w, "first moment", m);
  want_lists("adamw", w, "second moment", v);
  want_numbers("adamw", w, numbers);
  check(step.behind >= 0, "adamw: behind is {}; 0 or more expected", step.behind);
  if (!w.empty()) w[0].device().kernels().adamw({}, w, g, m, v, numbers, step);
}

Tensor global_norm(const std::vector<Tensor>& g) {
  for (size_t i = 0; i < g.size(); ++i) {
    const std::string gradient = fmt::format("gradient {}", i);
    want_float("global_norm", gradient.c_str(), g[i]);
    want_alike("global_norm", "gradient 0", g[0], gradient.c_str(), g[i]);
  }
  const Device device = g.empty() ? Device::cpu() : g[0].device();
  Tensor norm({1}, DType::f32, device);
  Scratch scratch(device);
  device.kernels().global_norm({}, g, norm, scratch);
  return norm;
}

}  // namespace sil::ops
