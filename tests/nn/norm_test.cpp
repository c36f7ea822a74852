#include "nn/norm.h"

#include <doctest/doctest.h>

#include <cmath>

#include "nn/conv_norm.h"
#include "nn/torch_random.h"
#include "tensor/check.h"

using namespace sil;

namespace {

double difference(const Tensor& a, const Tensor& b) {
  double d = 0;
  const auto x = a.to_vector<float>(), y = b.to_vector<float>();
  for (size_t i = 0; i < x.size(); ++i) d = std::max(d, double(std::abs(x[i] - y[i])));
  return d;
}

// 0, 1, 4, 9, ...
Tensor squares() {
  std::vector<float> v;
  for (int i = 0; i < 12; ++i) v.push_back(float(i * i));
  return Tensor::of<float>({1, 3, 2, 2}, v);
}

}  // namespace

TEST_CASE("batch_norm: running statistics after two batches are torch's") {
  BatchNorm norm(2, 1e-5f);
  Var y;
  for (int i = 0; i < 2; ++i) y = norm(squares());
  const double want_mean[] = {6.966666698, 9.056667328}, want_var[] = {289.508666992, 406.548645020};
  for (size_t c = 0; c < 2; ++c) {
    CHECK(norm.running_mean.to_vector<float>()[c] == doctest::Approx(want_mean[c]).epsilon(1e-6));
    CHECK(norm.running_var.to_vector<float>()[c] == doctest::Approx(want_var[c]).epsilon(1e-5));
  }
  CHECK(norm.num_batches_tracked.item() == 2);
  CHECK(y.value().to_vector<float>()[0] == doctest::Approx(-1.030425310).epsilon(1e-5));
}

TEST_CASE("batch_norm: one pixel gives finite statistics") {
  BatchNorm norm(2, 1e-5f);
  norm(Tensor::of<float>({1, 1, 1, 2}, {3, -4}));
  for (float v : norm.running_var.to_vector<float>()) CHECK(std::isfinite(v));
}

TEST_CASE("conv_norm: in Mode::test batch norm is folded by its running statistics, and leaves them") {
  ConvNorm block{Conv2d(TorchRandom(1).normal({4, 3, 3, 2}, 1), {}, {1, 1, 1}),
                 make_norm(NormKind::batch_norm, 4, 1e-5f)};
  auto& norm = std::get<BatchNorm>(block.norm);
  norm.running_mean = TorchRandom(2).normal({4}, 1), norm.running_var = TorchRandom(3).uniform({4}, 0.5);
  for (int i = 0; i < 4; ++i) norm.running_var.data<float>()[i] += 1;
  norm.weight.set(TorchRandom(4).normal({4}, 1));
  const Tensor x = TorchRandom(5).normal({2, 5, 4, 2}, 1), skip = TorchRandom(6).normal({2, 5, 4, 4}, 1);
  const Tensor mean = norm.running_mean.clone();

  const NoGrad no_tape;
  const Affine a = norm.affine();
  const Tensor want = ops::relu(ops::add(ops::channel_affine(block.conv(x).value(), a.scale, a.shift), skip));
  CHECK(difference(block(x, Mode::test, skip).value(), want) < 1e-5);
  CHECK(difference(norm.running_mean, mean) == 0);
  block.fold();
  CHECK(std::holds_alternative<std::monostate>(block.norm));
  CHECK(difference(block(x, Mode::test, skip).value(), want) < 1e-5);
}

TEST_CASE("conv_norm: a frozen norm's convolution and its gradient carry the scale") {
  ConvNorm block{Conv2d(TorchRandom(1).normal({4, 1, 1, 2}, 1), {}, {}), make_norm(NormKind::frozen_bn, 4, 0)};
  auto& norm = std::get<FrozenBatchNorm>(block.norm);
  norm.weight = Tensor::of<float>({4}, {1, 2, 3, 4}), norm.running_var = Tensor::of<float>({4}, {4, 4, 4, 4});
  norm.bias = Tensor::of<float>({4}, {100, 100, 100, 100});
  const Tensor x = Tensor::of<float>({1, 1, 1, 2}, {1, 10});
  const Var y = block(x, Mode::train);
  const std::vector<float> w = block.conv.weight.value().to_vector<float>();
  CHECK(y.value().to_vector<float>()[2] == doctest::Approx(100 + 1.5 * (w[4] + 10 * w[5])));
  backward(y);
  CHECK(block.conv.weight.var.grad().to_vector<float>() == std::vector<float>{0.5f, 5, 1, 10, 1.5f, 15, 2, 20});
}

TEST_CASE("group_norm: channels that 32 groups do not share are an error") {
  CHECK_THROWS_WITH_AS(GroupNorm(48, 1e-5f), "group_norm: 48 channels, a multiple of 32 expected", Error);
}
