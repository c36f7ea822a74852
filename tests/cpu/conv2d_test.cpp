#include <doctest/doctest.h>

#include "tensor/ops.h"
#include "tests/cpu/plain_dense.h"

using namespace sil;
using namespace sil::test;

namespace {

struct ConvCase {
  const char* what;
  Shape x, w;
  Conv2dGeom g;
};

const ConvCase kCases[] = {
    {"a pixel, a channel", {1, 1, 1, 1}, {1, 1, 1, 1}, {}},
    {"the stem: 7x7, stride 2, 3 channels", {1, 17, 20, 3}, {64, 7, 7, 3}, {2, 3, 1}},
    {"3x3", {2, 9, 11, 16}, {24, 3, 3, 16}, {1, 1, 1}},
    {"3x3 of odd channels", {2, 7, 6, 5}, {7, 3, 3, 5}, {1, 1, 1}},
    {"3x3 stride 2", {2, 9, 8, 32}, {16, 3, 3, 32}, {2, 1, 1}},
    {"3x3 stride 2, wide", {1, 9, 8, 64}, {64, 3, 3, 64}, {2, 1, 1}},
    {"3x3 stride 3, rows left over", {1, 12, 11, 8}, {8, 3, 3, 8}, {3, 0, 1}},
    {"3x3 at the mask head's size", {2, 14, 14, 32}, {32, 3, 3, 32}, {1, 1, 1}},
    {"dilation", {1, 11, 9, 8}, {4, 3, 3, 8}, {1, 2, 2}},
    {"dilation and stride", {1, 13, 12, 16}, {16, 3, 3, 16}, {2, 2, 2}},
    {"1x1", {2, 5, 7, 24}, {40, 1, 1, 24}, {}},
    {"1x1 stride 2", {1, 7, 8, 16}, {32, 1, 1, 16}, {2, 0, 1}},
    {"1x1 to 3 channels", {1, 9, 9, 64}, {3, 1, 1, 64}, {}},
    {"1x1 to 91 channels", {2, 4, 4, 32}, {91, 1, 1, 32}, {}},
    {"a kernel as large as the input", {1, 5, 4, 3}, {2, 5, 4, 3}, {}},
    {"not square", {1, 6, 9, 4}, {3, 1, 5, 4}, {1, 0, 1}},
    {"padding beyond the kernel's half", {1, 4, 5, 3}, {2, 3, 3, 3}, {1, 2, 1}},
};

}  // namespace

TEST_CASE("conv2d: forward with bias, skip and ReLU equals plain loops") {
  for (const ConvCase& c : kCases)
    for (DType dtype : kFloats) {
      CAPTURE(c.what);
      CAPTURE(name(dtype));
      const Tensor x = random_tensor(c.x, dtype, 1), w = random_tensor(c.w, dtype, 2);
      const Tensor bias = random_tensor({c.w[0]}, dtype, 3), y = ops::conv2d(x, w, c.g);
      const Tensor skip = random_tensor(y.shape(), dtype, 4);
      const Doubles xs = doubles(x), ws = doubles(w), bs = doubles(bias), ss = doubles(skip);
      Sums sums(y.numel());
      each_product(c.x, c.w, y.shape(), c.g, [&](size_t a, size_t b, size_t at) { sums.add(at, xs[a] * ws[b]); });
      CHECK(excess(y, sums) <= 1);
      for (size_t i = 0; i < ss.size(); ++i) sums.add(i, bs[i % bs.size()]);
      CHECK(excess(ops::conv2d(x, w, c.g, bias), sums) <= 1);
      for (size_t i = 0; i < ss.size(); ++i) sums.add(i, ss[i]);
      CHECK(excess(ops::conv2d(x, w, c.g, bias, skip), sums) <= 1);
      sums.relu();
      CHECK(excess(ops::conv2d(x, w, c.g, bias, skip, true), sums) <= 1);
    }
}

TEST_CASE("conv2d: both gradients equal plain loops") {
  for (const ConvCase& c : kCases)
    for (DType dtype : kFloats) {
      CAPTURE(c.what);
      CAPTURE(name(dtype));
      const Tensor x = random_tensor(c.x, dtype, 1), w = random_tensor(c.w, dtype, 2);
      const Shape y = ops::conv2d(x, w, c.g).shape();
      const Tensor dy = random_tensor(y, dtype, 5);
      const Doubles xs = doubles(x), ws = doubles(w), ds = doubles(dy);
      Sums dx(x.numel()), dw(w.numel());
      each_product(c.x, c.w, y, c.g, [&](size_t a, size_t b, size_t at) {
        dx.add(a, ds[at] * ws[b]);
        dw.add(b, ds[at] * xs[a]);
      });
      CHECK(excess(ops::conv2d_backward_input(dy, w, c.x, c.g), dx) <= 1);
      CHECK(excess(ops::conv2d_backward_weight(dy, x, c.w, c.g), dw) <= 1);
    }
}

TEST_CASE("conv2d: the weights' gradient over several blocks of rows, and of images") {
  for (const ConvCase& c : {ConvCase{"rows", {1, 70, 66, 16}, {17, 3, 3, 16}, {1, 1, 1}},
                            {"rows, stride 2", {1, 143, 135, 16}, {16, 3, 3, 16}, {2, 1, 1}},
                            {"images", {5, 40, 40, 16}, {16, 2, 3, 16}, {1, 0, 1}}}) {
    CAPTURE(c.what);
    const Tensor x = random_tensor(c.x, DType::f32, 1);
    const Shape y = ops::conv2d(x, Tensor::zeros(c.w), c.g).shape();
    const Tensor dy = random_tensor(y, DType::f32, 2);
    const Doubles xs = doubles(x), ds = doubles(dy);
    Sums dw(c.w.numel());
    each_product(c.x, c.w, y, c.g, [&](size_t a, size_t b, size_t at) { dw.add(b, ds[at] * xs[a]); });
    CHECK(excess(ops::conv2d_backward_weight(dy, x, c.w, c.g), dw) <= 1);
  }
}

TEST_CASE("conv2d: no images give an empty result and zero weight gradients") {
  for (DType dtype : kFloats) {
    const Tensor x = random_tensor({0, 5, 6, 3}, dtype, 1), w = random_tensor({4, 3, 3, 3}, dtype, 2);
    const Tensor y = ops::conv2d(x, w, {1, 1, 1}, random_tensor({4}, dtype, 3), {}, true);
    CHECK(y.shape() == Shape{0, 5, 6, 4});
    CHECK(ops::conv2d_backward_input(y, w, x.shape(), {1, 1, 1}).shape() == x.shape());
    CHECK(doubles(ops::conv2d_backward_weight(y, x, w.shape(), {1, 1, 1})) == Doubles(4 * 9 * 3, 0.0));
  }
}

TEST_CASE("conv2d: the same bits every time") {
  const Conv2dGeom g{1, 1, 1};
  const Tensor x = random_tensor({2, 31, 29, 32}, DType::f32, 1), w = random_tensor({48, 3, 3, 32}, DType::f32, 2);
  const Tensor y = ops::conv2d(x, w, g), dx = ops::conv2d_backward_input(y, w, x.shape(), g);
  const Tensor dw = ops::conv2d_backward_weight(y, x, w.shape(), g);
  for (int i = 0; i < 5; ++i) {
    CHECK(same_bits(ops::conv2d(x, w, g), y));
    CHECK(same_bits(ops::conv2d_backward_input(y, w, x.shape(), g), dx));
    CHECK(same_bits(ops::conv2d_backward_weight(y, x, w.shape(), g), dw));
  }
}

TEST_CASE("conv2d: errors name what was given and what was expected") {
  const Tensor x = Tensor::zeros({1, 8, 9, 4}), w = Tensor::zeros({64, 3, 7, 4});
  CHECK_THROWS_WITH_AS(ops::conv2d(x, Tensor::zeros({64, 3, 7, 7}), {}),
                       "conv2d: weight is [64, 3, 7, 7] (O,kH,kW,I expected), input has 4 channels", Error);
  CHECK_THROWS_WITH_AS(ops::conv2d(x, Tensor::zeros({64, 4}), {}), "conv2d: weight is [64, 4]; [O, kH, kW, I] expected",
                       Error);
  CHECK_THROWS_WITH_AS(ops::conv2d(x, Tensor::zeros({64, 0, 7, 4}), {}),
                       "conv2d: weight is [64, 0, 7, 4]; no extent may be 0", Error);
  CHECK_THROWS_WITH_AS(ops::conv2d(Tensor::zeros({8, 9, 4}), w, {}), "conv2d: x is [8, 9, 4]; [N, H, W, C] expected",
                       Error);
  CHECK_THROWS_WITH_AS(
      ops::conv2d(x, w, {0, -1, 1}),
      "conv2d: stride 0, padding -1, dilation 1; stride and dilation of at least 1, padding of at least 0 expected",
      Error);
  CHECK_THROWS_WITH_AS(ops::conv2d(x, w, {1, 0, 4}),
                       "conv2d: input is 8 x 9 with padding 0; at least the kernel's 9 x 25 expected", Error);
  CHECK_THROWS_WITH_AS(ops::conv2d(x, w, {}, Tensor::zeros({4})), "conv2d: bias is [4]; [O] = [64] expected", Error);
  CHECK_THROWS_WITH_AS(ops::conv2d(x, w, {}, {}, Tensor::zeros({1, 8, 9, 64})),
                       "conv2d: skip is [1, 8, 9, 64]; the output's [1, 6, 3, 64] expected", Error);
  CHECK_THROWS_WITH_AS(ops::conv2d(x, Tensor::zeros({64, 3, 7, 4}, DType::bf16), {}),
                       "conv2d: x is float32, weight is bfloat16; the same dtype expected", Error);
  CHECK_THROWS_WITH_AS(ops::conv2d(Tensor::zeros({1, 8, 9, 4}, DType::i32), w, {}),
                       "conv2d: x is int32; float32, bfloat16 or float64 expected", Error);
  CHECK_THROWS_WITH_AS(ops::conv2d({}, w, {}), "conv2d: x is undefined; a tensor expected", Error);
  CHECK_THROWS_WITH_AS(ops::conv2d_backward_input(Tensor::zeros({1, 6, 4, 64}), w, x.shape(), {}),
                       "conv2d_backward_input: dy is [1, 6, 4, 64]; the output's [1, 6, 3, 64] expected", Error);
  CHECK_THROWS_WITH_AS(ops::conv2d_backward_weight(Tensor::zeros({1, 6, 4, 64}), x, w.shape(), {}),
                       "conv2d_backward_weight: dy is [1, 6, 4, 64]; the output's [1, 6, 3, 64] expected", Error);
  CHECK_THROWS_WITH_AS(ops::conv2d_backward_weight(x, x, {4, 3}, {}),
                       "conv2d_backward_weight: weight is [4, 3]; [O, kH, kW, I] without an extent of 0 expected",
                       Error);
}
