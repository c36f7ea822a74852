#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/cpu/random.h"

using namespace sil;
using namespace sil::test;

namespace {

const DType kFloats[] = {DType::f32, DType::bf16, DType::f64};
const double kNan = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();

double plain(Unary op, double x) {
  switch (op) {
    case Unary::neg:
      return -x;
    case Unary::abs:
      return std::fabs(x);
    case Unary::exp:
      return std::exp(x);
    case Unary::log:
      return std::log(x);
    case Unary::sqrt:
      return std::sqrt(x);
    case Unary::square:
      return x * x;
    case Unary::reciprocal:
      return 1 / x;
    case Unary::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Unary::relu:
      return x > 0 ? x : 0;
  }
  return kNan;
}

double plain(Binary op, double a, double b) {
  switch (op) {
    case Binary::add:
      return a + b;
    case Binary::sub:
      return a - b;
    case Binary::mul:
      return a * b;
    case Binary::div:
      return a / b;
    case Binary::min:
      return std::fmin(a, b);
    case Binary::max:
      return std::fmax(a, b);
  }
  return kNan;
}

// The element of x that numpy's broadcasting reads at `at`, an index into `whole`.
double broadcast_read(const std::vector<double>& x, const Shape& shape, const Shape& whole, int64_t at) {
  int64_t offset = 0, size = 1;
  for (int i = 1; i <= whole.rank(); ++i) {
    const int64_t index = at % whole[-i];
    at /= whole[-i];
    if (i > shape.rank()) continue;
    if (shape[-i] != 1) offset += index * size;
    size *= shape[-i];
  }
  return x[size_t(offset)];
}

}  // namespace

TEST_CASE("unary: every function, dtype and size, against plain arithmetic") {
  for (DType dtype : kFloats)
    for (int op = 0; op <= int(Unary::relu); ++op)
      for (int64_t n : {0, 1, 7, 64, 100001}) {
        const bool positive = Unary(op) == Unary::log || Unary(op) == Unary::sqrt || Unary(op) == Unary::reciprocal;
        const Tensor x = random({n}, dtype, 1, positive ? 0.1 : -5, 5);
        const std::vector<double> in = doubles(x), out = doubles(ops::unary(Unary(op), x));
        double worst = 0;
        for (size_t i = 0; i < in.size(); ++i) {
          const double expected = plain(Unary(op), in[i]);
          worst = std::max(worst, std::fabs(out[i] - expected) / std::max(std::fabs(expected), 1e-2));
        }
        CAPTURE(op);
        CHECK(worst <= 4 * rounding(dtype));
      }
}

TEST_CASE("unary: sigmoid neither overflows nor loses small values; relu keeps NaN") {
  const std::vector<float> y = ops::sigmoid(Tensor::of<float>({4}, {-1000, -80, 80, 1000})).to_vector<float>();
  CHECK(y[0] == 0);
  CHECK(y[1] == doctest::Approx(std::exp(-80.0)).epsilon(1e-6));
  CHECK(y[3] == 1);
  CHECK(std::isnan(ops::relu(Tensor::scalar(std::nanf(""))).item()));
}

TEST_CASE("binary: every function and dtype over all kinds of broadcasting, against index arithmetic") {
  const std::pair<Shape, Shape> shapes[] = {
      {{}, {}},
      {{7}, {7}},
      {{3, 4}, {4}},
      {{4}, {3, 4}},
      {{3, 4}, {3, 1}},
      {{3, 1}, {1, 4}},
      {{2, 3, 4}, {}},
      {{}, {2, 3, 4}},
      {{2, 1, 4}, {3, 1}},
      {{2, 3, 4, 5}, {3, 1, 5}},
      {{0, 4}, {4}},
      {{0}, {1}},
      {{1, 1, 3}, {2, 1, 1}},
      {{200, 401}, {401}},
      {{200, 401}, {200, 1}},
      {{200, 401}, {}},
      {{50, 1, 30}, {40, 1}},
      {{80201}, {80201}},
      {{2, 3, 1, 5}, {2, 1, 4, 5}},
  };
  for (DType dtype : kFloats)
    for (const auto& [as, bs] : shapes)
      for (int op = 0; op <= int(Binary::max); ++op) {
        const Tensor a = random(as, dtype, 1), b = random(bs, dtype, 2, 0.5, 2);
        const Tensor y = ops::binary(Binary(op), a, b);
        REQUIRE(y.shape() == broadcast("test", as, bs));
        const std::vector<double> x1 = doubles(a), x2 = doubles(b), out = doubles(y);
        double worst = 0;
        for (size_t i = 0; i < out.size(); ++i) {
          const double expected = plain(Binary(op), broadcast_read(x1, as, y.shape(), int64_t(i)),
                                        broadcast_read(x2, bs, y.shape(), int64_t(i)));
          worst = std::max(worst, std::fabs(out[i] - expected) / std::max(std::fabs(expected), 1e-2));
        }
        CAPTURE(op);
        CAPTURE(as.str());
        CAPTURE(bs.str());
        CHECK(worst <= rounding(dtype));
      }
}

TEST_CASE("binary: minimum and maximum pass NaN on from either side") {
  const Tensor a = Tensor::of<double>({2}, {kNan, 1}), b = Tensor::of<double>({2}, {1, kNan});
  for (Binary op : {Binary::min, Binary::max})
    for (double v : doubles(ops::binary(op, a, b))) CHECK(std::isnan(v));
}

TEST_CASE("add_into: adds in place") {
  for (DType dtype : kFloats) {
    Tensor sum = random({1001}, dtype, 1);
    const std::vector<double> before = doubles(sum);
    const Tensor x = random({1001}, dtype, 2);
    const void* where = sum.raw();
    ops::add_into(sum, x);
    CHECK(sum.raw() == where);
    CHECK(doubles(sum)[500] == doctest::Approx(before[500] + doubles(x)[500]).epsilon(rounding(dtype)));
  }
}

TEST_CASE("scale: by a number") {
  CHECK(doubles(ops::scale(Tensor::of<float>({3}, {1, -2, 0}), -1.5)) == std::vector<double>{-1.5, 3, 0});
}

TEST_CASE("relu_backward: passes where the output is positive, not at 0") {
  const Tensor dy = Tensor::of<float>({4}, {1, 2, 3, 4}), y = Tensor::of<float>({4}, {0, 5, 0, 1e-30f});
  for (DType dtype : kFloats)
    CHECK(doubles(ops::relu_backward(ops::cast(dy, dtype), ops::cast(y, dtype))) == std::vector<double>{0, 2, 0, 4});
}

TEST_CASE("relu_backward: of two gradients passes the sum, rounded once") {
  const Tensor dy = Tensor::of<float>({3}, {256, 2, 3}), more = Tensor::of<float>({3}, {1.25f, 5, 7});
  const Tensor y = Tensor::of<float>({3}, {1, 0, 4});
  CHECK(doubles(ops::relu_backward(dy, y, more)) == std::vector<double>{257.25, 0, 10});
  const auto half = [](const Tensor& t) { return ops::cast(t, DType::bf16); };
  CHECK(doubles(ops::relu_backward(half(dy), half(y), half(more))) == std::vector<double>{258, 0, 10});
}

TEST_CASE("all_finite: finds one NaN or infinity among many") {
  for (DType dtype : kFloats)
    for (double bad : {kNan, kInf, -kInf})
      for (size_t at : {0, 50000, 99999}) {
        std::vector<double> v = random_values(100000, 1);
        CHECK(ops::all_finite(ops::cast(Tensor::of<double>({100000}, v), dtype)));
        v[at] = bad;
        CHECK_FALSE(ops::all_finite(ops::cast(Tensor::of<double>({100000}, v), dtype)));
      }
  CHECK(ops::all_finite(Tensor::zeros({0})));
  CHECK(ops::all_finite(Tensor::of<float>({2}, {3.4028235e38f, -3.4028235e38f})));
}
