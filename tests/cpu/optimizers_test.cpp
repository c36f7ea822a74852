#include <doctest/doctest.h>

#include <cmath>

#include "tests/cpu/random.h"

using namespace sil;
using namespace sil::test;

namespace {

const DType kFloats[] = {DType::f32, DType::bf16, DType::f64};

std::vector<Tensor> parameters(DType dtype, uint64_t seed) {
  return {random({3}, dtype, seed), random({0}, dtype, seed), random({40, 1000}, dtype, seed + 1)};
}

std::vector<Tensor> zeros_of(DType dtype) {
  return {Tensor::zeros({3}, dtype), Tensor::zeros({0}, dtype), Tensor::zeros({40, 1000}, dtype)};
}

// The largest difference, relative to values of about 1.
double difference(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::fabs(a[i] - b[i]));
  return worst;
}

StepNumbers numbers(int64_t steps) { return {Tensor::of<double>({1}, {0.1}), Tensor::of<int64_t>({1}, {steps}), {}}; }

double tolerance(DType dtype, double of_float) {
  return dtype == DType::bf16 ? 0.05 : dtype == DType::f64 ? 1e-14 : of_float;
}

}  // namespace

TEST_CASE("sgd: three steps with momentum and weight decay, in torch's form") {
  for (DType dtype : kFloats) {
    std::vector<Tensor> w = parameters(dtype, 1), momentum = zeros_of(dtype);
    momentum[0] = Tensor::full({3}, 99, dtype);  // the first step must not read it
    std::vector<std::vector<double>> pw, pb(3);
    for (const Tensor& t : w) pw.push_back(doubles(t));
    for (int s = 0; s < 3; ++s) {
      const std::vector<Tensor> g = parameters(dtype, 10 + uint64_t(s));
      for (size_t p = 0; p < 3; ++p) {
        const std::vector<double> pg = doubles(g[p]);
        pb[p].resize(pg.size());
        for (size_t i = 0; i < pg.size(); ++i) {
          const double d = pg[i] + 0.01 * pw[p][i];
          pb[p][i] = s == 0 ? d : 0.9 * pb[p][i] + d;
          pw[p][i] -= 0.1 * pb[p][i];
        }
      }
      ops::sgd(w, g, momentum, numbers(s + 1), {0.9, 0.01, s == 0});
    }
    for (size_t p = 0; p < 3; ++p) CHECK(difference(doubles(w[p]), pw[p]) <= tolerance(dtype, 2e-6));
  }
}

TEST_CASE("adamw: three steps, decay apart from the gradient, with bias corrections") {
  for (DType dtype : kFloats) {
    std::vector<Tensor> w = parameters(dtype, 1), m = zeros_of(dtype), v = zeros_of(dtype);
    std::vector<std::vector<double>> pw, pm(3), pv(3);
    for (const Tensor& t : w) pw.push_back(doubles(t)), pm[pw.size() - 1] = pv[pw.size() - 1] = doubles(zeros_like(t));
    for (int s = 1; s <= 3; ++s) {
      const std::vector<Tensor> g = parameters(dtype, 10 + uint64_t(s));
      for (size_t p = 0; p < 3; ++p) {
        const std::vector<double> pg = doubles(g[p]);
        for (size_t i = 0; i < pg.size(); ++i) {
          pw[p][i] -= 0.1 * 0.05 * pw[p][i];
          pm[p][i] = 0.9 * pm[p][i] + 0.1 * pg[i];
          pv[p][i] = 0.99 * pv[p][i] + 0.01 * pg[i] * pg[i];
          const double mean = pm[p][i] / (1 - std::pow(0.9, s)), square = pv[p][i] / (1 - std::pow(0.99, s));
          pw[p][i] -= 0.1 * mean / (std::sqrt(square) + 1e-8);
        }
      }
      ops::adamw(w, g, m, v, numbers(s + 4), {0.9, 0.99, 1e-8, 0.05, 4});
    }
    for (size_t p = 0; p < 3; ++p) CHECK(difference(doubles(w[p]), pw[p]) <= tolerance(dtype, 5e-6));
  }
}

TEST_CASE("global_norm: of all gradients together, in any dtype") {
  for (DType dtype : kFloats) {
    const std::vector<Tensor> g = parameters(dtype, 1);
    double sum = 0;
    for (const Tensor& t : g)
      for (double x : doubles(t)) sum += x * x;
    CHECK(ops::global_norm(g).item() == doctest::Approx(std::sqrt(sum)).epsilon(1e-6));
  }
  CHECK(ops::global_norm({Tensor::of<float>({1}, {3}), Tensor::of<float>({1}, {-4})}).item() == 5);
  CHECK(ops::global_norm({}).item() == 0);
  CHECK(ops::global_norm({Tensor::full({2}, 1e30f)}).item() == doctest::Approx(1.4142136e30));  // no overflow
}
