// Layers among bfloat16 activations: their weights and gradients stay float32.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "nn/conv_norm.h"
#include "nn/torch_random.h"

using namespace sil;

namespace {

Tensor round_to_bfloat16(const Tensor& t) { return ops::cast(ops::cast(t, DType::bf16), DType::f32); }

double distance(const Tensor& got, const Tensor& want) {
  REQUIRE(got.defined());
  double error = 0, norm = 0;
  const std::vector<float> a = ops::cast(got, DType::f32).to_vector<float>(), b = want.to_vector<float>();
  for (size_t i = 0; i < b.size(); ++i)
    error += std::pow(double(a[i]) - double(b[i]), 2), norm += std::pow(double(b[i]), 2);
  return std::sqrt(error / norm);
}

// A layer's output, the gradient of its input and those of its parameters, of one and the same dy.
std::vector<Tensor> pass(const std::vector<Leaf>& leaves, const std::function<Var(const Var&)>& layer, const Tensor& x,
                         DType dtype) {
  for (const Leaf& leaf : leaves)
    if (leaf.parameter) leaf.parameter->var.zero_grad();
  const Var in = Var::parameter(ops::cast(x, dtype)), y = layer(in);
  REQUIRE(y.value().dtype() == dtype);
  const Tensor dy = round_to_bfloat16(TorchRandom(9).normal(y.shape(), 1));
  backward({y}, {ops::cast(dy, dtype)});
  std::vector<Tensor> out{y.value(), in.grad()};
  for (const Leaf& leaf : leaves)
    if (leaf.parameter) out.push_back(leaf.parameter->var.grad());
  return out;
}

// Input and dy are bfloat16's in both passes, so what differs is a rounding or two of weight, output and gradient.
template <class Layer>
void check_near(Layer& layer, const std::vector<Leaf>& leaves, const Shape& input) {
  const Tensor x = round_to_bfloat16(TorchRandom(8).normal(input, 1));
  const std::vector<Tensor> want = pass(leaves, layer, x, DType::f32), got = pass(leaves, layer, x, DType::bf16);
  REQUIRE(got.size() > 2);
  for (size_t i = 0; i < want.size(); ++i) {
    CAPTURE(i);
    CHECK(got[i].dtype() == (i < 2 ? DType::bf16 : DType::f32));
    const double d = distance(got[i], want[i]);
    CHECK(d > 1e-5);
    CHECK(d < 0x1p-7);
  }
}

Tensor bias(int64_t n) { return TorchRandom(2).normal({n}, 1); }

}  // namespace

TEST_CASE("bfloat16: convolution, transposed convolution and linear layer") {
  Conv2d conv(TorchRandom(1).normal({6, 3, 3, 5}, 1), bias(6), {1, 1, 1});
  ConvTranspose2d up(TorchRandom(1).normal({5, 2, 2, 6}, 1), bias(6), 2);
  Linear linear(TorchRandom(1).normal({6, 4, 3, 5}, 1), bias(6));
  const auto call = [](auto& layer) { return [&layer](const Var& x) { return layer(x); }; };
  const auto check_layer = [&](auto& layer) {
    auto f = call(layer);
    check_near(f, leaves(layer), {2, 4, 3, 5});
  };
  check_layer(conv), check_layer(up), check_layer(linear);
}

TEST_CASE("bfloat16: a convolution and its norm, of every kind, alone and in Mode::test") {
  for (const NormKind kind : {NormKind::frozen_bn, NormKind::batch_norm, NormKind::group_norm})
    for (const Mode mode : {Mode::train, Mode::test}) {
      CAPTURE(int(kind));
      CAPTURE(int(mode));
      ConvNorm block{Conv2d(TorchRandom(1).normal({64, 3, 3, 5}, 1), {}, {1, 1, 1}), make_norm(kind, 64, 1e-5f), false};
      Visitor v;
      v("conv", "norm", block);
      for (const Leaf& leaf : v.leaves)
        if (leaf.name.starts_with("norm") && leaf.value().dtype() == DType::f32)
          leaf.set(TorchRandom(3).uniform({64}, 0.4));
      for (const Leaf& leaf : v.leaves)
        if (leaf.name == "norm.weight" || leaf.name == "norm.running_var")
          leaf.set(ops::add(leaf.value(), Tensor::full({64}, 1)));
      std::vector<Leaf> held;  // in Mode::test a batch norm is a constant
      for (const Leaf& leaf : v.leaves)
        if (leaf.name == "conv.weight" || mode == Mode::train) held.push_back(leaf);
      auto f = [&](const Var& x) { return block(x, mode); };
      check_near(f, held, {2, 6, 7, 5});
      for (const Leaf& leaf : v.leaves) CHECK(leaf.value().dtype() != DType::bf16);
    }
}

// 1 + 2^-8 lies half way between two of bfloat16's and would be 1; its square, 1 + 2^-7 + 2^-16, is 1 + 2^-7.
TEST_CASE("bfloat16: a frozen norm's scale meets the weight in float32, and their product is rounded") {
  ConvNorm block{Conv2d(Tensor::full({1, 1, 1, 1}, 1 + 0x1p-8), {}, {}), make_norm(NormKind::frozen_bn, 1, 0), false};
  std::get<FrozenBatchNorm>(block.norm).weight = Tensor::full({1}, 1 + 0x1p-8);
  const Var x = Tensor::full({1, 1, 1, 1}, 1, DType::bf16);
  CHECK(ops::cast(block(x, Mode::train).value(), DType::f32).item() == 1 + 0x1p-7);
}

TEST_CASE("bfloat16: a weight used twice adds its gradients in float32") {
  Linear linear(Tensor::full({1, 1}, 1), {});
  const auto at = [](double x) { return Tensor::full({1, 1}, x, DType::bf16); };
  backward({linear(at(1)), linear(at(0x1p-9))});  // bfloat16 would forget the second
  CHECK(linear.weight.var.grad().item() == 1 + 0x1p-9);
}
