#include <doctest/doctest.h>

#include "tensor/ops.h"
#include "tests/cpu/plain_dense.h"

using namespace sil;
using namespace sil::test;

namespace {

struct DeconvCase {
  const char* what;
  Shape x, w;
  int stride;
};

const DeconvCase kCases[] = {
    {"a pixel", {1, 1, 1, 1}, {1, 2, 2, 1}, 2},
    {"the mask head: 2x2 stride 2", {3, 7, 7, 32}, {32, 2, 2, 16}, 2},
    {"odd channels", {2, 3, 5, 5}, {5, 2, 2, 7}, 2},
    {"overlapping: 3x3 stride 2", {1, 4, 3, 8}, {8, 3, 3, 4}, 2},
    {"with holes: 1x1 stride 2", {1, 4, 3, 8}, {8, 1, 1, 4}, 2},
    {"stride 1", {1, 4, 5, 3}, {3, 3, 2, 2}, 1},
};

}  // namespace

// y[n, p * stride + a, q * stride + b, o] += x[n, p, q, i] w[i, a, b, o]: the walk of the convolution of y that gives
// x.
TEST_CASE("conv_transpose2d: forward and both gradients equal plain loops") {
  for (const DeconvCase& c : kCases)
    for (DType dtype : kFloats) {
      CAPTURE(c.what);
      CAPTURE(name(dtype));
      const Tensor x = random_tensor(c.x, dtype, 1), w = random_tensor(c.w, dtype, 2);
      const Tensor bias = random_tensor({c.w[3]}, dtype, 3), y = ops::conv_transpose2d(x, w, c.stride);
      CHECK(y.shape() == Shape{c.x[0], (c.x[1] - 1) * c.stride + c.w[1], (c.x[2] - 1) * c.stride + c.w[2], c.w[3]});
      const Tensor dy = random_tensor(y.shape(), dtype, 4);
      const Doubles xs = doubles(x), ws = doubles(w), bs = doubles(bias), ds = doubles(dy);
      Sums sums(y.numel()), dx(x.numel()), dw(w.numel());
      each_product(y.shape(), c.w, c.x, {c.stride, 0, 1}, [&](size_t yi, size_t wi, size_t xi) {
        sums.add(yi, xs[xi] * ws[wi]);
        dx.add(xi, ds[yi] * ws[wi]);
        dw.add(wi, ds[yi] * xs[xi]);
      });
      CHECK(excess(y, sums) <= 1);
      for (size_t i = 0; i < sums.value.size(); ++i) sums.add(i, bs[i % bs.size()]);
      CHECK(excess(ops::conv_transpose2d(x, w, c.stride, bias), sums) <= 1);
      sums.relu();
      CHECK(excess(ops::conv_transpose2d(x, w, c.stride, bias, true), sums) <= 1);
      CHECK(excess(ops::conv_transpose2d_backward_input(dy, w, c.x, c.stride), dx) <= 1);
      CHECK(excess(ops::conv_transpose2d_backward_weight(dy, x, c.w, c.stride), dw) <= 1);
    }
}

TEST_CASE("conv_transpose2d: no images") {
  const Tensor x = Tensor::zeros({0, 14, 14, 3}), w = Tensor::zeros({3, 2, 2, 4});
  const Tensor y = ops::conv_transpose2d(x, w, 2, Tensor::zeros({4}), true);
  CHECK(y.shape() == Shape{0, 28, 28, 4});
  CHECK(ops::conv_transpose2d_backward_input(y, w, x.shape(), 2).shape() == x.shape());
  CHECK(doubles(ops::conv_transpose2d_backward_weight(y, x, w.shape(), 2)) == Doubles(48, 0.0));
}

TEST_CASE("conv_transpose2d: errors name what was given and what was expected") {
  const Tensor x = Tensor::zeros({1, 3, 3, 4}), w = Tensor::zeros({4, 2, 2, 5});
  CHECK_THROWS_WITH_AS(ops::conv_transpose2d(x, Tensor::zeros({5, 2, 2, 4}), 2),
                       "conv_transpose2d: weight is [5, 2, 2, 4] (I,kH,kW,O expected), input has 4 channels", Error);
  CHECK_THROWS_WITH_AS(ops::conv_transpose2d(x, w, 0), "conv_transpose2d: stride 0; at least 1 expected", Error);
  CHECK_THROWS_WITH_AS(ops::conv_transpose2d(Tensor::zeros({1, 0, 3, 4}), w, 2),
                       "conv_transpose2d: input is 0 x 3; at least 1 x 1 expected", Error);
  CHECK_THROWS_WITH_AS(ops::conv_transpose2d(x, w, 2, Tensor::zeros({4})),
                       "conv_transpose2d: bias is [4]; [O] = [5] expected", Error);
  CHECK_THROWS_WITH_AS(ops::conv_transpose2d_backward_input(x, w, x.shape(), 2),
                       "conv_transpose2d_backward_input: dy is [1, 3, 3, 4]; the output's [1, 6, 6, 5] expected",
                       Error);
}
