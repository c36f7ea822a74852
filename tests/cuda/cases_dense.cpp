#include <algorithm>

#include "tests/cuda/kernel_cases.h"

namespace sil {
namespace {

std::vector<Tensor> convolved(const On& on, const Shape& x_shape, const Shape& w_shape, Conv2dGeom g) {
  const Tensor x = on.random(x_shape, 1), w = on.random(w_shape, 2), bias = on.random({w_shape[0]}, 3);
  const Tensor y = ops::conv2d(x, w, g), skip = on.random(y.shape(), 4), dy = on.random(y.shape(), 5);
  return {y, ops::conv2d(x, w, g, bias), ops::conv2d(x, w, g, bias, skip, true),
          ops::conv2d_backward_input(dy, w, x_shape, g), ops::conv2d_backward_weight(dy, x, w_shape, g)};
}

std::vector<Tensor> deconvolved(const On& on, const Shape& x_shape, const Shape& w_shape, int stride) {
  const Tensor x = on.random(x_shape, 1), w = on.random(w_shape, 2), bias = on.random({w_shape[3]}, 3);
  const Tensor y = ops::conv_transpose2d(x, w, stride), dy = on.random(y.shape(), 5);
  return {y, ops::conv_transpose2d(x, w, stride, bias, true),
          ops::conv_transpose2d_backward_input(dy, w, x_shape, stride),
          ops::conv_transpose2d_backward_weight(dy, x, w_shape, stride)};
}

// Every transposition, with and without bias and ReLU.
std::vector<Tensor> products(const On& on, int64_t m, int64_t k, int64_t n) {
  std::vector<Tensor> all;
  const Tensor bias = on.random({n}, 3);
  for (bool at : {false, true})
    for (bool bt : {false, true}) {
      const Tensor a = on.random(at ? Shape{k, m} : Shape{m, k}, 1), b = on.random(bt ? Shape{n, k} : Shape{k, n}, 2);
      all.push_back(ops::matmul(a, b, at, bt));
      all.push_back(ops::matmul(a, b, at, bt, bias, true));
    }
  return all;
}

}  // namespace

// bfloat16 and float16 are summed in float32 and rounded once, or once more behind bias and skip where a library does
// them in a step of their own.
std::vector<KernelCase> dense_cases() {
  const auto conv = [](const char* kernel, const char* what, Shape x, Shape w, Conv2dGeom g) {
    const auto positions = [&](int axis) { return (x[axis] + 2 * g.padding - w[axis]) / g.stride + 1; };
    const int64_t pixels = x[0] * positions(1) * positions(2), taps = w[1] * w[2];
    return KernelCase{.kernel = kernel,
                      .what = what,
                      .run = [=](const On& on) { return convolved(on, x, w, g); },
                      .longest_sum = std::max({pixels, taps * w[0], taps * w[3]})};
  };
  const auto deconv = [](const char* kernel, const char* what, Shape x, Shape w, int stride) {
    const int64_t pixels = x[0] * x[1] * x[2];
    return KernelCase{.kernel = kernel,
                      .what = what,
                      .run = [=](const On& on) { return deconvolved(on, x, w, stride); },
                      .longest_sum = std::max({pixels, w[0], w[1] * w[2] * w[3]})};
  };
  const auto product = [](const char* what, int64_t m, int64_t k, int64_t n) {
    return KernelCase{
        .kernel = "matmul", .what = what, .run = [=](const On& on) { return products(on, m, k, n); }, .longest_sum = k};
  };
  return {
      product("small", 5, 7, 3),
      product("one element", 1, 1, 1),
      {.kernel = "matmul",
       .what = "no rows, nothing to sum",
       .run =
           [](const On& on) {
             std::vector<Tensor> all = products(on, 0, 4, 3), none = products(on, 4, 0, 3);
             all.insert(all.end(), none.begin(), none.end());
             return all;
           },
       .longest_sum = 4},
      product("a head's layer", 64, 512, 91),
      conv("conv2d", "the stem: 7x7, stride 2, 3 channels", {2, 33, 40, 3}, {64, 7, 7, 3}, {2, 3, 1}),
      conv("conv2d", "3x3", {2, 18, 21, 64}, {64, 3, 3, 64}, {1, 1, 1}),
      conv("conv2d_backward_input", "3x3 stride 2", {2, 17, 16, 32}, {64, 3, 3, 32}, {2, 1, 1}),
      conv("conv2d_backward_input", "3x3 stride 2 that leaves a row over", {1, 18, 15, 32}, {32, 3, 3, 32}, {2, 1, 1}),
      conv("conv2d_backward_weight", "1x1", {2, 25, 13, 128}, {32, 1, 1, 128}, {1, 0, 1}),
      conv("conv2d_backward_weight", "1x1 stride 2", {1, 14, 16, 64}, {128, 1, 1, 64}, {2, 0, 1}),
      conv("conv2d", "1x1 to 3 channels, of odd sizes", {1, 9, 7, 64}, {3, 1, 1, 64}, {1, 0, 1}),
      conv("conv2d", "a mask head's rows", {16, 14, 14, 64}, {64, 3, 3, 64}, {1, 1, 1}),
      conv("conv2d", "no photos", {0, 8, 8, 16}, {16, 3, 3, 16}, {1, 1, 1}),
      deconv("conv_transpose2d", "the mask head's", {6, 14, 14, 64}, {64, 2, 2, 64}, 2),
      deconv("conv_transpose2d_backward_input", "of odd sizes", {2, 5, 7, 16}, {16, 2, 2, 24}, 2),
      deconv("conv_transpose2d_backward_weight", "no rows", {0, 7, 7, 16}, {16, 2, 2, 16}, 2),
  };
}

}  // namespace sil
