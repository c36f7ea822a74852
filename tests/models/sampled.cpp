#include "tests/models/sampled.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tensor/ops.h"

namespace sil::test {

std::vector<double> doubles(const Tensor& t) { return ops::cast(t, DType::f64).to_vector<double>(); }

std::vector<double> sampled(const Tensor& t) {
  const std::vector<double> x = doubles(t);
  REQUIRE(!x.empty());
  double squares = 0, sum = 0;
  for (double v : x) squares += v * v, sum += v;
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  std::vector<double> out{std::sqrt(squares), sum / double(x.size()), *low, *high};
  for (size_t i = 0; i < 8; ++i) out.push_back(x[i * (x.size() - 1) / 7]);
  return out;
}

void check_sampled(const std::string& name, const Tensor& got, const Tensor& want, double rtol) {
  INFO(name);
  const std::vector<double> g = sampled(got), w = doubles(want);
  REQUIRE(w.size() == g.size());
  CHECK(std::abs(g[0] - w[0]) <= rtol * w[0]);
  const double typical = w[0] / std::sqrt(double(got.numel()));
  for (size_t i = 1; i < g.size(); ++i) CHECK(std::abs(g[i] - w[i]) <= rtol * (10 * typical + std::abs(w[i])));
}

}  // namespace sil::test
