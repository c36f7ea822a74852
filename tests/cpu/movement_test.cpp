#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tensor/threads.h"
#include "tests/cpu/random.h"

using namespace sil;
using namespace sil::test;

namespace {

const DType kFloats[] = {DType::f32, DType::bf16, DType::f64};
const DType kAll[] = {DType::f32, DType::bf16, DType::f64, DType::i32, DType::i64, DType::u8};

// 0, 1, 2 ... in any dtype (below 100, so that uint8 and bfloat16 hold them).
Tensor count_up(const Shape& shape, DType dtype) {
  std::vector<double> v(size_t(shape.numel()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = double(i % 100);
  return ops::cast(Tensor::of<double>(shape, v), dtype);
}

}  // namespace

TEST_CASE("cast: bfloat16 rounds to nearest even, NaN stays NaN, infinity stays") {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  // bfloat16 has 8 significant bits: from 256 on it holds even numbers, from 512 multiples of 4.
  const Tensor x = Tensor::of<float>({9}, {257, 259, 514, 518, -257, 1.00390625f, inf, -inf, nan});
  const std::vector<double> y = doubles(ops::cast(x, DType::bf16));
  CHECK(std::vector<double>(y.begin(), y.begin() + 8) ==
        std::vector<double>{256, 260, 512, 520, -256, 1, double(inf), double(-inf)});
  CHECK(std::isnan(y[8]));
}

TEST_CASE("cast: to integers toward zero, what does not fit becomes the nearest that does, NaN 0") {
  const Tensor x = Tensor::of<float>({7}, {1.9f, -1.9f, 3e9f, -3e9f, 300, -5, std::nanf("")});
  CHECK(ops::cast(x, DType::i32).to_vector<int32_t>() == std::vector<int32_t>{1, -1, INT32_MAX, INT32_MIN, 300, -5, 0});
  CHECK(ops::cast(x, DType::u8).to_vector<uint8_t>() == std::vector<uint8_t>{1, 0, 255, 0, 255, 0, 0});
  const Tensor big = Tensor::of<double>({3}, {1e19, -1e19, 9007199254740993.0});
  CHECK(ops::cast(big, DType::i64).to_vector<int64_t>() ==
        std::vector<int64_t>{INT64_MAX, INT64_MIN, 9007199254740992});
}

TEST_CASE("cast: every pair of dtypes keeps small whole numbers") {
  for (DType from : kAll)
    for (DType to : kAll) CHECK(doubles(ops::cast(count_up({50}, from), to)) == doubles(count_up({50}, DType::f64)));
}

TEST_CASE("cast: to its own dtype is the tensor itself") {
  const Tensor x = Tensor::zeros({3});
  CHECK(ops::cast(x, DType::f32).shares_memory_with(x));
}

TEST_CASE("permute: every dtype and all orders of four axes, against indices") {
  const Shape shape{2, 3, 4, 5};
  for (DType dtype : kAll) {
    const Tensor x = count_up(shape, dtype);
    const std::vector<double> in = doubles(x);
    std::vector<int> perm = {0, 1, 2, 3};
    do {
      const Tensor y = ops::permute(x, perm);
      const std::vector<double> out = doubles(y);
      bool same = true;
      for (int64_t i = 0, at = 0; i < y.dim(0); ++i)
        for (int64_t j = 0; j < y.dim(1); ++j)
          for (int64_t k = 0; k < y.dim(2); ++k)
            for (int64_t l = 0; l < y.dim(3); ++l, ++at) {
              int64_t index[4];
              index[perm[0]] = i, index[perm[1]] = j, index[perm[2]] = k, index[perm[3]] = l;
              same &= out[size_t(at)] == in[size_t(((index[0] * 3 + index[1]) * 4 + index[2]) * 5 + index[3])];
            }
      CHECK(same);
    } while (std::next_permutation(perm.begin(), perm.end()));
  }
}

TEST_CASE("permute: large enough for every thread; empty; a scalar") {
  const Tensor x = random({300, 401}, DType::f32, 1), y = ops::transpose(x);
  CHECK(y.shape() == Shape{401, 300});
  CHECK(y.data<float>()[37 * 300 + 211] == x.data<float>()[211 * 401 + 37]);
  CHECK(doubles(ops::transpose(y)) == doubles(x));
  CHECK(ops::permute(Tensor::zeros({0, 3}), {1, 0}).shape() == Shape{3, 0});
  CHECK(ops::permute(Tensor::scalar(5), {}).item() == 5);
}

TEST_CASE("slice, concat, pad: a slice undoes a concat and a pad, on every axis and dtype") {
  for (DType dtype : kAll)
    for (int axis : {0, 1, 2, -1}) {
      const Tensor a = count_up({2, 3, 5}, dtype);
      Shape other = a.shape();
      other[axis] = 4;
      const Tensor b = count_up(other, dtype), joined = ops::concat({a, b, a}, axis);
      const int64_t n = a.dim(axis);
      CHECK(joined.dim(axis) == 2 * n + 4);
      CHECK(doubles(ops::slice(joined, axis, 0, n)) == doubles(a));
      CHECK(doubles(ops::slice(joined, axis, n, n + 4)) == doubles(b));
      CHECK(doubles(ops::slice(joined, axis, n + 4, 2 * n + 4)) == doubles(a));
      const Tensor padded = ops::pad(a, axis, 2, 1);
      CHECK(padded.dim(axis) == n + 3);
      CHECK(doubles(ops::slice(padded, axis, 2, n + 2)) == doubles(a));
      for (double v : doubles(ops::slice(padded, axis, 0, 2))) CHECK(v == 0);
      for (double v : doubles(ops::slice(padded, axis, n + 2, n + 3))) CHECK(v == 0);
    }
}

TEST_CASE("concat: along the middle of two matrices, by hand") {
  const Tensor a = Tensor::of<float>({2, 2}, {1, 2, 3, 4}), b = Tensor::of<float>({2, 1}, {5, 6});
  CHECK(ops::concat({a, b}, 1).to_vector<float>() == std::vector<float>{1, 2, 5, 3, 4, 6});
  CHECK(ops::concat({a, Tensor::zeros({2, 0})}, 1).to_vector<float>() == a.to_vector<float>());
}

TEST_CASE("gather_rows: by index, zeros for a negative one; any dtype") {
  for (DType dtype : kAll) {
    const Tensor x = count_up({4, 2}, dtype);
    const Tensor y = ops::gather_rows(x, Tensor::of<int32_t>({4}, {3, -1, 0, 3}));
    CHECK(doubles(y) == std::vector<double>{6, 7, 0, 0, 0, 1, 6, 7});
  }
  CHECK(ops::gather_rows(Tensor::zeros({4, 2}), Tensor::of<int32_t>({0}, {})).shape() == Shape{0, 2});
  CHECK(ops::gather_rows(Tensor::zeros({0, 2}), Tensor::of<int32_t>({1}, {-1})).to_vector<float>() ==
        std::vector<float>{0, 0});
}

TEST_CASE("scatter_add_rows: sums rows of one target, skips negative ones") {
  for (DType dtype : kFloats) {
    const int64_t rows = 500, columns = 37, targets = 11;
    const Tensor dy = random({rows, columns}, dtype, 3);
    std::vector<int32_t> index;
    for (int64_t m = 0; m < rows; ++m) index.push_back(int32_t(RngKey{4}.below(uint64_t(m), targets + 1)) - 1);
    const Tensor x = ops::scatter_add_rows(dy, Tensor::of<int32_t>({rows}, index), targets);
    const std::vector<double> in = doubles(dy), out = doubles(x);
    std::vector<double> expected(size_t(targets * columns));
    for (int64_t m = 0; m < rows; ++m)
      for (int64_t c = 0; c < columns && index[size_t(m)] >= 0; ++c)
        expected[size_t(index[size_t(m)] * columns + c)] += in[size_t(m * columns + c)];
    for (size_t i = 0; i < out.size(); ++i)
      CHECK(std::abs(out[i] - expected[i]) <=
            rounding(dtype) * (std::abs(expected[i]) + (dtype == DType::bf16 ? 0 : 40)));
  }
}

TEST_CASE("scatter_add_rows: bfloat16 accumulates in float32 and rounds once") {
  // 256 + 1 + 1: adding 1 to 256 in bfloat16 would give 256 each time.
  const Tensor dy = ops::cast(Tensor::of<float>({3, 1}, {256, 1, 1}), DType::bf16);
  CHECK(doubles(ops::scatter_add_rows(dy, Tensor::of<int32_t>({3}, {0, 0, 0}), 1)) == std::vector<double>{258});
}
