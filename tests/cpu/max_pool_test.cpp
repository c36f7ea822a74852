#include <doctest/doctest.h>

#include <limits>

#include "tensor/ops.h"
#include "tests/cpu/plain_dense.h"

using namespace sil;
using namespace sil::test;

TEST_CASE("max_pool: values, positions and gradient equal plain loops") {
  struct PoolCase {
    Shape x;
    MaxPoolGeom g;
  };
  for (const auto& [x_shape, g] : {PoolCase{{2, 9, 8, 19}, {3, 2, 1}},
                                   {{1, 5, 5, 3}, {1, 2, 0}},
                                   {{1, 6, 7, 1}, {2, 2, 0}},
                                   {{1, 1, 1, 4}, {3, 1, 1}},
                                   {{0, 4, 4, 3}, {2, 2, 0}}})
    for (DType dtype : kFloats) {
      CAPTURE(x_shape.str());
      CAPTURE(name(dtype));
      const Tensor x = random_tensor(x_shape, dtype, 1);
      const auto [y, index] = ops::max_pool(x, g);
      const Tensor dy = random_tensor(y.shape(), dtype, 2);
      const Index xi{x_shape}, yi{y.shape()};
      Doubles values(size_t(y.numel())), positions(values);
      Sums dx(x.numel());
      for (int64_t n = 0; n < y.dim(0); ++n)
        for (int64_t p = 0; p < y.dim(1); ++p)
          for (int64_t q = 0; q < y.dim(2); ++q)
            for (int64_t c = 0; c < y.dim(3); ++c) {
              double best = -INFINITY;
              int64_t at = -1;
              for (int64_t a = p * g.stride - g.padding; a < p * g.stride - g.padding + g.kernel; ++a)
                for (int64_t b = q * g.stride - g.padding; b < q * g.stride - g.padding + g.kernel; ++b) {
                  if (a < 0 || b < 0 || a >= x_shape[1] || b >= x_shape[2]) continue;
                  const double v = element(x, int64_t(xi(n, a, b, c)));
                  if (v > best) best = v, at = a * x_shape[2] + b;
                }
              values[yi(n, p, q, c)] = best;
              positions[yi(n, p, q, c)] = double(at);
              dx.add(xi(n, at / x_shape[2], at % x_shape[2], c), element(dy, int64_t(yi(n, p, q, c))));
            }
      CHECK(doubles(y) == values);
      const std::vector<int32_t> found = index.to_vector<int32_t>();
      CHECK(Doubles(found.begin(), found.end()) == positions);
      CHECK(excess(ops::max_pool_backward(dy, index, x_shape, g), dx) <= 1);
    }
}

TEST_CASE("max_pool: NaN wins, the first of equals counts, and all may be minus infinity") {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  auto pool = [](std::vector<float> v) {
    const auto [y, index] = ops::max_pool(Tensor::of<float>({1, 2, 2, 1}, v), {2, 2, 0});
    return std::pair{y.item(), index.item()};
  };
  CHECK(pool({1, 3, 3, 2}) == std::pair{3.0, 1.0});
  CHECK(pool({-inf, -inf, -inf, -inf}) == std::pair{-double(inf), 0.0});
  const auto [value, position] = pool({1, nan, 5, 2});
  CHECK(std::isnan(value));
  CHECK(position == 1);
}

TEST_CASE("max_pool: errors name what was given and what was expected") {
  const Tensor x = Tensor::zeros({1, 4, 4, 2});
  CHECK_THROWS_WITH_AS(ops::max_pool(x, {2, 0, 0}),
                       "max_pool: kernel 2, stride 0, padding 0; kernel and stride of at least 1, padding of at most "
                       "half the kernel expected",
                       Error);
  CHECK_THROWS_WITH_AS(ops::max_pool(x, {5, 1, 0}),
                       "max_pool: input is 4 x 4 with padding 0; at least the kernel's 5 x 5 expected", Error);
  CHECK_THROWS_WITH_AS(ops::max_pool(Tensor::zeros({4, 4, 2}), {2, 2, 0}),
                       "max_pool: x is [4, 4, 2]; [N, H, W, C] expected", Error);
  CHECK_THROWS_WITH_AS(
      ops::max_pool_backward(x, Tensor::zeros({1, 4, 4, 2}, DType::i32), {1, 8, 8, 3}, {2, 2, 0}),
      "max_pool_backward: x is [1, 8, 8, 3], dy is [1, 4, 4, 2]; equal image counts and channels expected", Error);
  CHECK_THROWS_WITH_AS(ops::max_pool_backward(x, Tensor::zeros({1, 2, 2, 2}, DType::i32), {1, 8, 8, 2}, {2, 2, 0}),
                       "max_pool_backward: dy is [1, 4, 4, 2], index is [1, 2, 2, 2]; the same shape expected", Error);
}
