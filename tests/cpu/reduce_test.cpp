#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/cpu/random.h"

using namespace sil;
using namespace sil::test;

namespace {

// By index arithmetic, one element at a time.
std::vector<double> plain(Reduce op, const Tensor& x, unsigned axes) {
  int64_t outputs = 1;
  for (int i = 0; i < x.rank(); ++i)
    if (!(axes >> i & 1)) outputs *= x.dim(i);
  std::vector<double> out(size_t(outputs), op == Reduce::max ? -std::numeric_limits<double>::infinity() : 0.0);
  const std::vector<double> in = doubles(x);
  for (int64_t at = 0; at < x.numel(); ++at) {
    int64_t rest = at, offset = 0, size = 1;
    for (int i = x.rank() - 1; i >= 0; --i) {
      if (!(axes >> i & 1)) offset += rest % x.dim(i) * size, size *= x.dim(i);
      rest /= x.dim(i);
    }
    double& o = out[size_t(offset)];
    o = op == Reduce::max ? std::max(o, in[size_t(at)]) : o + in[size_t(at)];
  }
  if (op == Reduce::mean)
    for (double& o : out) o /= double(x.numel()) / double(outputs);
  return out;
}

}  // namespace

TEST_CASE("reduce: every set of axes, of every kind, in every dtype, against index arithmetic") {
  for (DType dtype : {DType::f32, DType::bf16, DType::f64})
    for (const Shape& shape : {Shape{7}, Shape{3, 5}, Shape{2, 3, 4, 5}, Shape{3, 1, 2, 1, 4}, Shape{600, 301},
                               Shape{2, 70000}, Shape{70000, 2}, Shape{1, 40, 30, 64}})
      for (unsigned axes = 0; axes < 1u << shape.rank(); ++axes)
        for (Reduce op : {Reduce::sum, Reduce::mean, Reduce::max}) {
          if (shape.numel() > 1000 && (dtype != DType::f32 || op == Reduce::mean)) continue;
          const Tensor x = random(shape, dtype, 1, -1, 2);
          std::vector<int> list;
          for (int i = 0; i < shape.rank(); ++i)
            if (axes >> i & 1) list.push_back(i);
          const std::vector<double> out = doubles(ops::reduce(op, x, list)), expected = plain(op, x, axes);
          REQUIRE(out.size() == expected.size());
          double worst = 0;
          for (size_t i = 0; i < out.size(); ++i)
            worst = std::max(worst, std::fabs(out[i] - expected[i]) / std::max(std::fabs(expected[i]), 1.0));
          CAPTURE(shape.str());
          CAPTURE(axes);
          CHECK(worst <= (dtype == DType::f64 ? 1e-12 : rounding(dtype)));
        }
}

TEST_CASE("reduce: kept axes have extent 1, others go; negative axes count from the end") {
  const Tensor x = random({2, 3, 4}, DType::f32, 1);
  CHECK(ops::reduce(Reduce::sum, x, {0, -1}).shape() == Shape{3});
  CHECK(ops::reduce(Reduce::sum, x, {0, -1}, true).shape() == Shape{1, 3, 1});
  CHECK(ops::sum(x).shape() == Shape{});
  CHECK(ops::reduce(Reduce::max, x, {}).to_vector<float>() == x.to_vector<float>());
}

TEST_CASE("reduce: nothing sums to 0; its mean is NaN") {
  CHECK(ops::sum(Tensor::zeros({0, 3})).item() == 0);
  CHECK(ops::reduce(Reduce::sum, Tensor::zeros({0, 3}), {0}).to_vector<float>() == std::vector<float>{0, 0, 0});
  CHECK(ops::reduce(Reduce::sum, Tensor::zeros({0, 3}), {1}).shape() == Shape{0});
  CHECK(std::isnan(ops::reduce(Reduce::mean, Tensor::zeros({0}), {0}).item()));
}

TEST_CASE("reduce: a maximum passes NaN on, wherever it stands") {
  for (size_t at : {0, 1, 40000, 69999})
    for (const auto& [shape, axes] : {std::pair<Shape, std::vector<int>>{{70000}, {0}}, {{35000, 2}, {0}}}) {
      std::vector<double> v = random_values(70000, 1);
      v[at] = std::nan("");
      const std::vector<double> out = doubles(ops::reduce(Reduce::max, Tensor::of<double>(shape, v), axes));
      CHECK(std::isnan(out[at % out.size()]));
    }
}

TEST_CASE("reduce: a long float32 sum is exact to its last rounding") {
  const Tensor x = Tensor::full({1 << 22}, 0.1f);
  CHECK(ops::sum(x).item() == float(double(0.1f) * (1 << 22)));
}

TEST_CASE("sum_to: is the adjoint of broadcasting") {
  const Tensor x = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(ops::sum_to(x, {3}).to_vector<float>() == std::vector<float>{5, 7, 9});
  CHECK(ops::sum_to(x, {2, 1}).to_vector<float>() == std::vector<float>{6, 15});
  CHECK(ops::sum_to(x, {}).to_vector<float>() == std::vector<float>{21});
  CHECK(ops::sum_to(x, {2, 3}).shares_memory_with(x));
  CHECK(ops::sum_to(Tensor::zeros({0, 3}), {1, 3}).to_vector<float>() == std::vector<float>{0, 0, 0});
}
