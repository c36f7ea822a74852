// What cuDNN and cuBLAS are handed: loops that do what these libraries say they do with it must give what the CPU
// gives.
#include "cuda/dense_shapes.h"

#include <doctest/doctest.h>

#include "cuda/gpu.h"
#include "cuda/tf32.h"
#include "tests/cpu/random.h"
#include "tests/folder.h"

using namespace sil;
using test::random;

namespace {

// cublasLtMatmul on matrices that lie column by column.
Tensor gemm(const cuda::GemmShape& g, const Tensor& first, const Tensor& second, const Shape& y) {
  Tensor c(y, DType::f32);
  const auto at = [](const Tensor& t, bool transposed, int step, int i, int j) {
    return t.data<float>()[transposed ? int64_t(i) * step + j : int64_t(j) * step + i];
  };
  for (int i = 0; i < g.m; ++i)
    for (int j = 0; j < g.n; ++j) {
      float sum = 0;
      for (int k = 0; k < g.k; ++k)
        sum += at(first, g.first_transposed, g.first_step, i, k) * at(second, g.second_transposed, g.second_step, k, j);
      c.data<float>()[int64_t(j) * g.c_step + i] = sum;
    }
  return c;
}

int64_t place(const cuda::Nchw& t, int n, int c, int h, int w) {
  return int64_t(n) * t.step[0] + int64_t(c) * t.step[1] + int64_t(h) * t.step[2] + int64_t(w) * t.step[3];
}

// Calls f(place in x, place in w, place in y) for every product of the convolution; w lies as K, kH, kW, C (NHWC).
template <class F>
void products(const cuda::ConvShapes& s, F f) {
  const int* w = s.w;
  for (int n = 0; n < s.y.extent[0]; ++n)
    for (int k = 0; k < w[0]; ++k)
      for (int p = 0; p < s.y.extent[2]; ++p)
        for (int q = 0; q < s.y.extent[3]; ++q)
          for (int c = 0; c < w[1]; ++c)
            for (int i = 0; i < w[2]; ++i)
              for (int j = 0; j < w[3]; ++j) {
                const int y = p * s.stride - s.padding + i * s.dilation, x = q * s.stride - s.padding + j * s.dilation;
                if (y < 0 || x < 0 || y >= s.x.extent[2] || x >= s.x.extent[3]) continue;
                f(place(s.x, n, c, y, x), ((int64_t(k) * w[2] + i) * w[3] + j) * w[1] + c, place(s.y, n, k, p, q));
              }
}

double apart(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  double worst = 0;
  for (int64_t i = 0; i < a.numel(); ++i)
    worst = std::max(worst, std::abs(double(a.data<float>()[i]) - double(b.data<float>()[i])));
  return worst;
}

}  // namespace

TEST_CASE("cublas: the shapes of every product, transposed or not") {
  for (bool at : {false, true})
    for (bool bt : {false, true}) {
      CAPTURE(at);
      CAPTURE(bt);
      const Tensor a = random(at ? Shape{5, 3} : Shape{3, 5}, DType::f32, 1),
                   b = random(bt ? Shape{7, 5} : Shape{5, 7}, DType::f32, 2);
      const Tensor expected = ops::matmul(a, b, at, bt);
      CHECK(apart(gemm(cuda::gemm_shape(a, at, b, bt, expected), b, a, expected.shape()), expected) < 1e-5);
    }
}

TEST_CASE("cudnn: the shapes of a convolution and of its gradients") {
  struct Row {
    Shape x, w;
    Conv2dGeom g;
  };
  for (const Row& row : {Row{{2, 5, 7, 3}, {4, 3, 2, 3}, {2, 1, 1}},
                         {{1, 9, 6, 2}, {5, 3, 3, 2}, {1, 2, 2}},
                         {{3, 4, 4, 6}, {2, 1, 1, 6}, {1, 0, 1}}}) {
    const Tensor x = random(row.x, DType::f32, 1), w = random(row.w, DType::f32, 2),
                 expected = ops::conv2d(x, w, row.g);
    const Tensor dy = random(expected.shape(), DType::f32, 3);
    const cuda::ConvShapes s = cuda::conv_shapes(x, w, expected, row.g);
    Tensor y = Tensor::zeros(expected.shape()), dx = Tensor::zeros(row.x), dw = Tensor::zeros(row.w);
    products(s, [&](int64_t i, int64_t k, int64_t o) {
      y.data<float>()[o] += x.data<float>()[i] * w.data<float>()[k];
      dx.data<float>()[i] += dy.data<float>()[o] * w.data<float>()[k];
      dw.data<float>()[k] += dy.data<float>()[o] * x.data<float>()[i];
    });
    CHECK(apart(y, expected) < 1e-4);
    CHECK(apart(dx, ops::conv2d_backward_input(dy, w, row.x, row.g)) < 1e-4);
    CHECK(apart(dw, ops::conv2d_backward_weight(dy, x, row.w, row.g)) < 1e-4);
  }
}

TEST_CASE("cudnn: a transposed convolution is the gradient of a convolution's input") {
  const Tensor x = random({2, 3, 5, 4}, DType::f32, 1), w = random({4, 2, 3, 6}, DType::f32, 2);
  const Tensor expected = ops::conv_transpose2d(x, w, 2), dy = random(expected.shape(), DType::f32, 3);
  const cuda::ConvShapes s = cuda::conv_transpose_shapes(x, w, expected, 2);
  Tensor y = Tensor::zeros(expected.shape()), dx = Tensor::zeros(x.shape()), dw = Tensor::zeros(w.shape());
  products(s, [&](int64_t i, int64_t k, int64_t o) {  // the convolution leads from y to x
    y.data<float>()[i] += x.data<float>()[o] * w.data<float>()[k];
    dx.data<float>()[o] += dy.data<float>()[i] * w.data<float>()[k];
    dw.data<float>()[k] += dy.data<float>()[i] * x.data<float>()[o];
  });
  CHECK(apart(y, expected) < 1e-4);
  CHECK(apart(dx, ops::conv_transpose2d_backward_input(dy, w, x.shape(), 2)) < 1e-4);
  CHECK(apart(dw, ops::conv_transpose2d_backward_weight(dy, x, w.shape(), 2)) < 1e-4);
}

TEST_CASE("dense_shapes: how far addresses are aligned, 16 bytes at most") {
  const auto at = [](uintptr_t a) { return reinterpret_cast<const void*>(a); };
  CHECK(cuda::common_alignment({at(4096), at(32)}) == 16);
  CHECK(cuda::common_alignment({at(4096), at(24)}) == 8);
  CHECK(cuda::common_alignment({at(4098), at(32), nullptr}) == 2);
  CHECK(cuda::common_alignment({at(4097)}) == 1);
  CHECK(cuda::common_alignment({nullptr}) == 16);
}

TEST_CASE("tf32: off unless asked for, and nothing but 0 and 1") {
  CHECK(!cuda::parse_tf32(nullptr));
  CHECK(!cuda::parse_tf32("0"));
  CHECK(cuda::parse_tf32("1"));
  for (const char* bad : {"", "yes", "01", "1 "})
    CHECK(test::error_of([&] { cuda::parse_tf32(bad); }) == fmt::format("SIL_TF32 is '{}'; 0 or 1 expected", bad));
}

// Each of bias, skip and ReLU there and not.
void check_epilogue(const Shape& shape) {
  for (int present = 0; present < 8; ++present) {
    CAPTURE(present);
    const Tensor y = random(shape, DType::f32, 1), bias = random({shape[shape.rank() - 1]}, DType::f32, 2),
                 skip = random(y.shape(), DType::f32, 3);
    Tensor expected = y, found = y.to(Device::simt());
    if (present & 1) expected = ops::add(expected, bias);
    if (present & 2) expected = ops::add(expected, skip);
    if (present & 4) expected = ops::relu(expected);
    simt::epilogue({}, present & 1 ? bias.to(Device::simt()) : Tensor(),
                   present & 2 ? skip.to(Device::simt()) : Tensor(), (present & 4) != 0, found);
    CHECK(apart(found.to(Device::cpu()), expected) == 0);
  }
}

TEST_CASE("epilogue: bias, skip and ReLU, each present or absent, of channels alone, in vectors, more than a block") {
  check_epilogue({3, 5, 7});
  check_epilogue({3, 5, 8});
  check_epilogue({2, 1, 1028});
  check_epilogue({3, 259});
}

TEST_CASE("epilogue: more rows than the grid's threads, so that each walks") { check_epilogue({1100, 1024}); }
