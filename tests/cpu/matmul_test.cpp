#include <doctest/doctest.h>

#include "tensor/ops.h"
#include "tests/cpu/plain_dense.h"

using namespace sil;
using namespace sil::test;

TEST_CASE("matmul: every transposition, with bias and ReLU, equals plain loops") {
  struct Extents {
    int64_t m, n, k;
  };
  for (auto [m, n, k] : {Extents{1, 1, 1}, {3, 5, 7}, {1, 9, 4}, {9, 1, 4}, {17, 33, 1}, {40, 64, 129}, {0, 3, 4}})
    for (DType dtype : kFloats)
      for (int t = 0; t < 4; ++t) {
        const bool ta = t & 1, tb = t & 2;
        CAPTURE(m);
        CAPTURE(n);
        CAPTURE(k);
        CAPTURE(name(dtype));
        CAPTURE(t);
        const Tensor a = random_tensor(ta ? Shape{k, m} : Shape{m, k}, dtype, 1);
        const Tensor b = random_tensor(tb ? Shape{n, k} : Shape{k, n}, dtype, 2), bias = random_tensor({n}, dtype, 3);
        const Doubles as = doubles(a), bs = doubles(b), cs = doubles(bias);
        Sums sums(m * n);
        for (int64_t r = 0; r < m; ++r)
          for (int64_t c = 0; c < n; ++c)
            for (int64_t j = 0; j < k; ++j)
              sums.add(size_t(r * n + c),
                       as[size_t(ta ? j * m + r : r * k + j)] * bs[size_t(tb ? c * k + j : j * n + c)]);
        CHECK(excess(ops::matmul(a, b, ta, tb), sums) <= 1);
        for (int64_t i = 0; i < m * n; ++i) sums.add(size_t(i), cs[size_t(i % n)]);
        CHECK(excess(ops::matmul(a, b, ta, tb, bias), sums) <= 1);
        sums.relu();
        CHECK(excess(ops::matmul(a, b, ta, tb, bias, true), sums) <= 1);
      }
}

TEST_CASE("matmul: an empty sum is the bias") {
  for (DType dtype : kFloats) {
    const Tensor a({2, 0}, dtype), b({0, 3}, dtype), bias = random_tensor({3}, dtype, 1);
    const Doubles v = doubles(bias);
    CHECK(doubles(ops::matmul(a, b)) == Doubles(6, 0.0));
    CHECK(doubles(ops::matmul(a, b, false, false, bias)) == Doubles{v[0], v[1], v[2], v[0], v[1], v[2]});
  }
}

TEST_CASE("matmul: errors name what was given and what was expected") {
  const Tensor a = Tensor::zeros({2, 3}), b = Tensor::zeros({4, 5});
  CHECK_THROWS_WITH_AS(ops::matmul(a, b), "matmul: a is [2, 3], b is [4, 5]; equal inner extents expected", Error);
  CHECK_THROWS_WITH_AS(ops::matmul(a, b, true, true),
                       "matmul: a is [2, 3] transposed, b is [4, 5] transposed; equal inner extents expected", Error);
  CHECK_THROWS_WITH_AS(ops::matmul(a, Tensor::zeros({3})), "matmul: a is [2, 3], b is [3]; matrices expected", Error);
  CHECK_THROWS_WITH_AS(ops::matmul(a, Tensor::zeros({3, 5}), false, false, Tensor::zeros({2})),
                       "matmul: bias is [2]; [N] = [5] expected", Error);
}
