#include <doctest/doctest.h>

#include "tensor/ops.h"
#include "tests/cpu/plain_dense.h"

using namespace sil;
using namespace sil::test;

namespace {

struct Expected {
  Doubles y, dx, dscale, dshift, mean, inv_std;
};

// Normalises the sets of elements that share set(i), by the definition: two passes, then the chain rule.
template <class Set>
Expected normalise(const Doubles& x, const Doubles& dy, const Doubles& scale, const Doubles& shift, double eps,
                   size_t sets, Set set) {
  const size_t channels = scale.size();
  Doubles count(sets), mean(sets), variance(sets), p(sets), q(sets);
  for (size_t i = 0; i < x.size(); ++i) count[set(i)] += 1, mean[set(i)] += x[i];
  for (size_t s = 0; s < sets; ++s) mean[s] /= count[s];
  for (size_t i = 0; i < x.size(); ++i) variance[set(i)] += std::pow(x[i] - mean[set(i)], 2) / count[set(i)];
  Expected e{Doubles(x.size()), Doubles(x.size()), Doubles(channels), Doubles(channels), mean, Doubles(sets)};
  for (size_t s = 0; s < sets; ++s) e.inv_std[s] = 1 / std::sqrt(variance[s] + eps);
  auto hat = [&](size_t i) { return (x[i] - mean[set(i)]) * e.inv_std[set(i)]; };
  for (size_t i = 0; i < x.size(); ++i) {
    const size_t c = i % channels;
    e.y[i] = hat(i) * scale[c] + shift[c];
    e.dscale[c] += dy[i] * hat(i), e.dshift[c] += dy[i];
    p[set(i)] += dy[i] * scale[c] / count[set(i)], q[set(i)] += dy[i] * scale[c] * hat(i) / count[set(i)];
  }
  for (size_t i = 0; i < x.size(); ++i)
    e.dx[i] = e.inv_std[set(i)] * (dy[i] * scale[i % channels] - p[set(i)] - hat(i) * q[set(i)]);
  return e;
}

// The worst element, relative to its size where that is beyond 1.
double difference(const Tensor& a, const Doubles& b) {
  check(a.numel() == int64_t(b.size()), "{} and {} elements", a.numel(), b.size());
  double worst = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    const double d = std::abs(element(a, int64_t(i)) - b[i]) / std::max(1.0, std::abs(b[i]));
    worst = d <= worst ? worst : (d == d ? d : INFINITY);
  }
  return worst;
}

double allowed(const Tensor& t) { return t.dtype() == DType::f64 ? 1e-12 : t.dtype() == DType::f32 ? 1e-5 : 0.01; }

// One input: uniform values around `centre`, whose variance is 1/3.
struct Input {
  Tensor x, dy, scale, shift;
  Input(const Shape& s, DType dtype, double centre = 0)
      : x(random_tensor(s, dtype, 1)),
        dy(random_tensor(s, dtype, 2)),
        scale(random_tensor({s[3]}, dtype, 3)),
        shift(random_tensor({s[3]}, dtype, 4)) {
    for (int64_t i = 0; i < x.numel(); ++i) set_element(x, i, element(x, i) + centre);
  }
};

}  // namespace

TEST_CASE("batch_norm: values, statistics and gradients equal the definition") {
  for (const Shape& shape : {Shape{2, 5, 7, 3}, {1, 1, 2, 1}, {3, 16, 15, 17}, {1, 9, 31, 64}})
    for (DType dtype : kFloats) {
      CAPTURE(shape.str());
      CAPTURE(name(dtype));
      const Input in(shape, dtype);
      const size_t channels = size_t(shape[3]);
      const Expected e = normalise(doubles(in.x), doubles(in.dy), doubles(in.scale), doubles(in.shift), double(1e-3f),
                                   channels, [&](size_t i) { return i % channels; });
      const ops::Norm norm = ops::batch_norm(in.x, in.scale, in.shift, 1e-3f);
      CHECK(norm.mean.dtype() == (dtype == DType::f64 ? DType::f64 : DType::f32));
      CHECK(difference(norm.y, e.y) <= allowed(norm.y));
      CHECK(difference(norm.mean, e.mean) <= allowed(norm.mean));
      CHECK(difference(norm.inv_std, e.inv_std) <= allowed(norm.inv_std));
      const ops::NormGrads g = ops::batch_norm_backward(in.dy, in.x, in.scale, norm);
      CHECK(difference(g.dx, e.dx) <= allowed(g.dx));
      CHECK(difference(g.dscale, e.dscale) <= allowed(g.dscale));
      CHECK(difference(g.dshift, e.dshift) <= allowed(g.dshift));
    }
}

TEST_CASE("batch_norm: a mean a thousand times the deviation costs no digits of the variance") {
  const Input in({2, 16, 16, 4}, DType::f32, 1000);
  const Expected e = normalise(doubles(in.x), doubles(in.dy), doubles(in.scale), doubles(in.shift), 0, 4,
                               [](size_t i) { return i % 4; });
  const ops::Norm norm = ops::batch_norm(in.x, in.scale, in.shift, 0);
  CHECK(difference(norm.inv_std, e.inv_std) <= 1e-6);
  CHECK(difference(norm.y, e.y) <= 1e-4);  // the mean itself is a float32
}

TEST_CASE("batch_norm: a constant channel gives its shift, not NaN") {
  const Tensor x = Tensor::full({2, 3, 3, 2}, 7), ones = Tensor::full({2}, 1), shift = Tensor::of<float>({2}, {3, -4});
  const ops::Norm norm = ops::batch_norm(x, ones, shift, 1e-5f);
  CHECK(norm.y.to_vector<float>()[0] == 3);
  CHECK(norm.y.to_vector<float>()[1] == -4);
}

TEST_CASE("group_norm: values, statistics and gradients equal the definition") {
  struct GroupCase {
    Shape shape;
    int groups;
  };
  for (const auto& [shape, groups] :
       {GroupCase{{2, 5, 7, 6}, 3}, {{3, 4, 4, 8}, 1}, {{1, 16, 17, 32}, 8}, {{2, 3, 3, 5}, 5}})
    for (DType dtype : kFloats) {
      CAPTURE(shape.str());
      CAPTURE(groups);
      CAPTURE(name(dtype));
      const Input in(shape, dtype);
      const size_t channels = size_t(shape[3]), image = size_t(in.x.numel() / shape[0]),
                   width = channels / size_t(groups);
      const Expected e = normalise(doubles(in.x), doubles(in.dy), doubles(in.scale), doubles(in.shift), double(1e-3f),
                                   size_t(shape[0]) * size_t(groups),
                                   [&](size_t i) { return i / image * size_t(groups) + i % channels / width; });
      const ops::Norm norm = ops::group_norm(in.x, in.scale, in.shift, groups, 1e-3f);
      CHECK(norm.mean.shape() == Shape{shape[0], groups});
      CHECK(difference(norm.y, e.y) <= allowed(norm.y));
      CHECK(difference(norm.mean, e.mean) <= allowed(norm.mean));
      CHECK(difference(norm.inv_std, e.inv_std) <= allowed(norm.inv_std));
      const ops::NormGrads g = ops::group_norm_backward(in.dy, in.x, in.scale, norm, groups);
      CHECK(difference(g.dx, e.dx) <= allowed(g.dx));
      CHECK(difference(g.dscale, e.dscale) <= allowed(g.dscale));
      CHECK(difference(g.dshift, e.dshift) <= allowed(g.dshift));
    }
}

TEST_CASE("channel_affine: x a + b per channel, then ReLU") {
  for (DType dtype : kFloats) {
    const DType statistics = dtype == DType::f64 ? DType::f64 : DType::f32;
    const Tensor x = random_tensor({2, 3, 4, 5}, dtype, 1), a = random_tensor({5}, statistics, 2),
                 b = random_tensor({5}, statistics, 3);
    Sums sums(x.numel());
    for (int64_t i = 0; i < x.numel(); ++i) {
      sums.add(size_t(i), element(x, i) * element(a, i % 5));
      sums.add(size_t(i), element(b, i % 5));
    }
    CHECK(excess(ops::channel_affine(x, a, b), sums) <= 1);
    sums.relu();
    CHECK(excess(ops::channel_affine(x, a, b, true), sums) <= 1);
  }
}

TEST_CASE("norms: the same bits every time") {
  const Input in({3, 40, 41, 24}, DType::f32);
  const ops::Norm norm = ops::batch_norm(in.x, in.scale, in.shift, 1e-5f);
  const ops::NormGrads g = ops::batch_norm_backward(in.dy, in.x, in.scale, norm);
  for (int i = 0; i < 5; ++i) {
    CHECK(same_bits(ops::batch_norm(in.x, in.scale, in.shift, 1e-5f).y, norm.y));
    const ops::NormGrads again = ops::batch_norm_backward(in.dy, in.x, in.scale, norm);
    CHECK(same_bits(again.dx, g.dx));
    CHECK(same_bits(again.dscale, g.dscale));
  }
}

TEST_CASE("norms: errors name what was given and what was expected") {
  const Tensor x = Tensor::zeros({1, 2, 2, 6}), c = Tensor::zeros({6}), four = Tensor::zeros({4});
  CHECK_THROWS_WITH_AS(ops::batch_norm(x, four, c, 0), "batch_norm: scale is [4]; [C] = [6] expected", Error);
  CHECK_THROWS_WITH_AS(ops::batch_norm(x, c, four, 0), "batch_norm: shift is [4]; [C] = [6] expected", Error);
  CHECK_THROWS_WITH_AS(ops::batch_norm(x, c, c, -1), "batch_norm: eps is -1; a finite number of at least 0 expected",
                       Error);
  CHECK_THROWS_WITH_AS(ops::batch_norm(Tensor::zeros({0, 2, 2, 6}), c, c, 0),
                       "batch_norm: x is [0, 2, 2, 6]; at least one image expected", Error);
  CHECK_THROWS_WITH_AS(ops::batch_norm(Tensor::zeros({1, 0, 2, 6}), c, c, 0),
                       "batch_norm: x is [1, 0, 2, 6]; at least one pixel and channel expected", Error);
  CHECK_THROWS_WITH_AS(ops::group_norm(x, c, c, 4, 0),
                       "group_norm: 6 channels in 4 groups; a divisor of the channels expected", Error);
  CHECK_THROWS_WITH_AS(ops::channel_affine(Tensor::zeros({2, 0}), c, c),
                       "channel_affine: x is [2, 0]; at least one channel, innermost, expected", Error);
  CHECK_THROWS_WITH_AS(ops::channel_affine(x, four, c), "channel_affine: a is [4]; [C] = [6] expected", Error);
  CHECK_THROWS_WITH_AS(ops::group_norm_backward(x, x, c, {{}, c, c}, 2),
                       "group_norm_backward: mean is [6]; [N, groups] = [1, 2] expected", Error);
}
