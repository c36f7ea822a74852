#include <doctest/doctest.h>

#include "tensor/ops.h"
#include "tests/cpu/plain_dense.h"

using namespace sil;
using namespace sil::test;

TEST_CASE("upsample: values, sums and gradient equal plain loops") {
  struct Sizes {
    Shape coarse, fine;
  };
  for (const auto& [coarse_shape, fine_shape] : {Sizes{{2, 3, 4, 5}, {2, 6, 8, 5}},
                                                 {{1, 13, 7, 3}, {1, 25, 13, 3}},
                                                 {{1, 1, 1, 130}, {1, 3, 2, 130}},
                                                 {{1, 5, 4, 2}, {1, 2, 3, 2}},
                                                 {{0, 2, 2, 3}, {0, 4, 4, 3}}})
    for (DType dtype : kFloats) {
      CAPTURE(coarse_shape.str());
      CAPTURE(name(dtype));
      const Tensor coarse = random_tensor(coarse_shape, dtype, 1), fine = random_tensor(fine_shape, dtype, 2);
      const Tensor dy = random_tensor(fine_shape, dtype, 3);
      const Index ci{coarse_shape}, fi{fine_shape};
      Sums nearest(fine.numel()), sum(fine.numel()), d(coarse.numel());
      for (int64_t n = 0; n < fine_shape[0]; ++n)
        for (int64_t p = 0; p < fine_shape[1]; ++p)
          for (int64_t q = 0; q < fine_shape[2]; ++q)
            for (int64_t c = 0; c < fine_shape[3]; ++c) {
              const size_t from = ci(n, p * coarse_shape[1] / fine_shape[1], q * coarse_shape[2] / fine_shape[2], c);
              const size_t at = fi(n, p, q, c);
              nearest.add(at, element(coarse, int64_t(from)));
              sum.add(at, element(coarse, int64_t(from)));
              sum.add(at, element(fine, int64_t(at)));
              d.add(from, element(dy, int64_t(at)));
            }
      CHECK(doubles(ops::upsample_nearest(coarse, fine_shape[1], fine_shape[2])) == nearest.value);
      CHECK(excess(ops::upsample_add(coarse, fine), sum) <= 1);
      CHECK(excess(ops::upsample_backward(dy, coarse_shape), d) <= 1);
    }
}

TEST_CASE("upsample: errors name what was given and what was expected") {
  const Tensor x = Tensor::zeros({1, 4, 4, 2});
  CHECK_THROWS_WITH_AS(
      ops::upsample_add(x, Tensor::zeros({1, 8, 8, 3})),
      "upsample_add: coarse is [1, 4, 4, 2], fine is [1, 8, 8, 3]; equal image counts and channels expected", Error);
  CHECK_THROWS_WITH_AS(ops::upsample_nearest(x, 0, 8), "upsample_nearest: output is 0 x 8; at least 1 x 1 expected",
                       Error);
  CHECK_THROWS_WITH_AS(ops::upsample_nearest(Tensor::zeros({1, 0, 4, 2}), 8, 8),
                       "upsample_nearest: x is [1, 0, 4, 2]; at least one pixel and channel expected", Error);
  CHECK_THROWS_WITH_AS(ops::upsample_backward(x, {2, 2, 2}),
                       "upsample_backward: coarse is [2, 2, 2]; [N, H, W, C] expected", Error);
}
