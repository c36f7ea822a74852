// Numbers from torch: tests/reference/make_nn_goldens.py.
#include "nn/optimizer.h"

#include <doctest/doctest.h>

#include <cmath>

#include "nn/layers.h"
#include "tensor/check.h"

using namespace sil;

namespace {

struct Three {
  Parameter w{Tensor::of<float>({3}, {1, -2, 0.5f})};
  void visit(Visitor& v) { v("w", w); }
};

void give_gradient(Three& m, int step) {
  const float f = float(step + 1);
  m.w.var.set_grad(Tensor::of<float>({3}, {0.5f * f, -0.25f * f, 1e-3f * f}));
}

void check_values(const Three& m, const std::vector<double>& want) {
  for (size_t i = 0; i < 3; ++i) CHECK(m.w.value().to_vector<float>()[i] == doctest::Approx(want[i]).epsilon(1e-6));
}

OptimizerConfig config(OptimizerConfig::Kind kind) {
  OptimizerConfig c;
  c.kind = kind, c.weight_decay = 0.01;
  return c;
}

}  // namespace

TEST_CASE("optimizer: three steps of SGD with momentum are torch's") {
  Three m;
  Optimizer o(leaves(m), config(OptimizerConfig::Kind::sgd));
  for (int s = 0; s < 3; ++s) give_gradient(m, s), o.step(0.1);
  check_values(m, {0.519184768, -1.751184702, 0.496246994});
}

TEST_CASE("optimizer: three steps of AdamW are torch's") {
  Three m;
  Optimizer o(leaves(m), config(OptimizerConfig::Kind::adamw));
  for (int s = 0; s < 3; ++s) give_gradient(m, s), o.step(0.1);
  check_values(m, {0.704981148, -1.701984167, 0.206481665});
}

TEST_CASE("optimizer: state saved and loaded continues to the bit") {
  for (auto kind : {OptimizerConfig::Kind::sgd, OptimizerConfig::Kind::adamw}) {
    Three a, b;
    Optimizer oa(leaves(a), config(kind)), ob(leaves(b), config(kind));
    give_gradient(a, 0), oa.step(0.1);
    load_state_dict_exact(leaves(b), state_dict(leaves(a)), "a");
    ob.load_state(oa.state(), "a");
    give_gradient(a, 1), oa.step(0.1);
    give_gradient(b, 1), ob.step(0.1);
    CHECK(a.w.value().to_vector<float>() == b.w.value().to_vector<float>());
    StateDict broken = oa.state();
    broken.erase("step.w");
    CHECK_THROWS_WITH_AS(ob.load_state(broken, "last.safetensors"), "last.safetensors: step.w is missing", Error);
    broken["step.w"] = Tensor::zeros({2});
    CHECK_THROWS_WITH_AS(ob.load_state(broken, "last.safetensors"),
                         "last.safetensors: step.w is float32 [2], one int64 expected", Error);
  }
}

TEST_CASE("optimizer: a parameter without a gradient is left alone, one with zeros decays") {
  Three a, b;
  Optimizer oa(leaves(a), config(OptimizerConfig::Kind::adamw)), ob(leaves(b), config(OptimizerConfig::Kind::adamw));
  oa.step(0.1);
  CHECK(a.w.value().to_vector<float>() == std::vector<float>{1, -2, 0.5f});
  b.w.var.set_grad(Tensor::zeros({3}));
  ob.step(0.1);
  CHECK(b.w.value().to_vector<float>()[0] == doctest::Approx(0.999));
}

TEST_CASE("optimizer: a frozen parameter is not one of its") {
  Three m;
  m.w.freeze();
  CHECK(Optimizer(leaves(m), {}).parameters().empty());
  CHECK(count_elements(trainable(leaves(m))) == 0);
}

TEST_CASE("optimizer: gradients are clipped by their global norm, torch's formula; nothing moves if it is not finite") {
  struct Two {
    Parameter a{Tensor::zeros({2})}, b{Tensor::zeros({1})};
    void visit(Visitor& v) { v("a", a)("b", b); }
  } m;
  m.a.var.set_grad(Tensor::of<float>({2}, {3, 4}));
  m.b.var.set_grad(Tensor::of<float>({1}, {12}));
  const Tensor norm = gradient_norm(leaves(m));
  CHECK(norm.item() == doctest::Approx(13));
  // From weights of 0, the first step of SGD at rate 1 is the gradient, negated.
  const auto moved = [&](const Clip& clip) {
    m.a.set(Tensor::zeros({2})), m.b.set(Tensor::zeros({1}));
    m.a.var.set_grad(Tensor::of<float>({2}, {3, 4})), m.b.var.set_grad(Tensor::of<float>({1}, {12}));
    Optimizer(leaves(m), {.weight_decay = 0}).step(1, clip);
    std::vector<float> w = m.a.value().to_vector<float>();
    w.push_back(m.b.value().to_vector<float>()[0]);
    return w;
  };
  CHECK(moved({norm, 20}) == std::vector<float>{-3, -4, -12});
  CHECK(moved({norm, 6.5})[0] == doctest::Approx(-1.499999881).epsilon(1e-7));
  CHECK(moved({norm, 6.5})[2] == doctest::Approx(-5.999999523).epsilon(1e-7));
  for (const float broken : {NAN, INFINITY})
    CHECK(moved({Tensor::of<float>({1}, {broken}), 6.5}) == std::vector<float>{0, 0, 0});
}
