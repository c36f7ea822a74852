#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tests/cpu/random.h"

using namespace sil;
using namespace sil::test;

namespace {

const DType kFloats[] = {DType::f32, DType::bf16, DType::f64};

// A stable sort of all indices, NaN last.
std::vector<int32_t> plain_order(const std::vector<double>& x, size_t begin, size_t n) {
  std::vector<int32_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    const double p = x[begin + size_t(a)], q = x[begin + size_t(b)];
    return std::isnan(q) ? !std::isnan(p) : p > q;
  });
  return order;
}

}  // namespace

TEST_CASE("top_k: NaN comes last, after minus infinity; equal values keep their order; -0 equals 0") {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  const Tensor x = Tensor::of<double>({1, 8}, {nan, -0.0, 3, -inf, 0.0, 3, -nan, inf});
  for (DType dtype : kFloats) {
    const ops::TopK top = ops::sort_descending(ops::cast(x, dtype));
    CHECK(top.index.to_vector<int32_t>() == std::vector<int32_t>{7, 2, 5, 1, 4, 3, 0, 6});
    CHECK(std::isnan(doubles(top.values)[7]));
    CHECK(doubles(top.values)[5] == -inf);
  }
}

TEST_CASE("top_k: a row shorter than k ends in index -1 and value 0; counts shorten rows") {
  const Tensor x = Tensor::of<float>({3, 3}, {1, 3, 2, 6, 5, 4, 7, 8, 9});
  const ops::TopK top = ops::top_k(x, 4, Tensor::of<int32_t>({3}, {3, 2, 0}));
  CHECK(top.index.to_vector<int32_t>() == std::vector<int32_t>{1, 2, 0, -1, 0, 1, -1, -1, -1, -1, -1, -1});
  CHECK(top.values.to_vector<float>() == std::vector<float>{3, 2, 1, 0, 6, 5, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("top_k: random rows with many ties, against a stable sort, for every k") {
  for (DType dtype : kFloats)
    for (int64_t columns : {1, 2, 33, 1000}) {
      std::vector<double> v = random_values(3 * columns, 5, -4, 4);
      for (double& x : v) x = std::floor(x);  // eight different values
      v[size_t(columns)] = std::nan("");
      const Tensor x = ops::cast(Tensor::of<double>({3, columns}, v), dtype);
      for (int64_t k : {int64_t(0), int64_t(1), columns / 2, columns, columns + 2}) {
        const ops::TopK top = ops::top_k(x, k);
        REQUIRE(top.index.shape() == Shape{3, k});
        const std::vector<int32_t> index = top.index.to_vector<int32_t>();
        for (int64_t r = 0; r < 3; ++r) {
          std::vector<int32_t> order = plain_order(v, size_t(r * columns), size_t(columns));
          order.resize(size_t(k), -1);
          CHECK(std::equal(order.begin(), order.end(), index.begin() + r * k));
        }
      }
    }
}

TEST_CASE("top_k: two thousand of two hundred thousand") {
  const int64_t n = 200000, k = 2000;
  const Tensor x = random({2, n}, DType::f32, 6);
  const std::vector<double> v = doubles(x);
  const std::vector<int32_t> index = ops::top_k(x, k).index.to_vector<int32_t>();
  for (int64_t r = 0; r < 2; ++r) {
    std::vector<int32_t> order = plain_order(v, size_t(r * n), size_t(n));
    CHECK(std::equal(order.begin(), order.begin() + k, index.begin() + r * k));
  }
}

TEST_CASE("top_k: no rows, no columns") {
  CHECK(ops::top_k(Tensor::zeros({0, 5}), 3).values.shape() == Shape{0, 3});
  CHECK(ops::top_k(Tensor::zeros({2, 0}), 1).index.to_vector<int32_t>() == std::vector<int32_t>{-1, -1});
}
