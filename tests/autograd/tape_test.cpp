#include <doctest/doctest.h>

#include "autograd/ops.h"
#include "tensor/check.h"

using namespace sil;

namespace {

Tensor row(const std::vector<float>& v) { return Tensor::of<float>({int64_t(v.size())}, v); }
std::vector<float> host(const Tensor& t) { return t.to_vector<float>(); }

// y = x, noting in `order` that its backward ran.
Var noted(const Var& x, std::vector<int>& order, int id) {
  return record(x.value().clone(), {x}, [&order, id](const Tensor& dy, Needs) -> Grads {
    order.push_back(id);
    return {dy};
  });
}

}  // namespace

TEST_CASE("tape: gradients of one Var used twice add up") {
  const Var x = Var::parameter(row({1, 2}));
  backward(sum(add(mul(x, x), x), {0}));
  CHECK(host(x.grad()) == std::vector<float>{3, 5});
}

TEST_CASE("tape: a second backward adds to a leaf's gradient, zero_grad forgets it") {
  Var x = Var::parameter(row({1, 2}));
  CHECK_FALSE(x.grad().defined());
  backward(sum(scale(x, 3), {0}));
  const Tensor first = x.grad();
  backward(sum(scale(x, 4), {0}));
  CHECK(host(x.grad()) == std::vector<float>{7, 7});
  CHECK(host(first) == std::vector<float>{3, 3});  // what somebody holds is left as it is
  x.zero_grad();
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("tape: add(x, x) does not count one gradient's memory twice") {
  const Var x = Var::parameter(row({1}));
  backward(add(x, x));
  CHECK(host(x.grad()) == std::vector<float>{2});
}

TEST_CASE("tape: of three gradients two are added up and the third comes beside them, to be added on the way") {
  const Var x = Var::parameter(row({1, -1}));
  Gradient came;
  const Var y = record(x.value().clone(), {x}, [&came](Gradient dy, Needs) -> Grads {
    came = dy;
    return {std::move(dy)};
  });
  const Tensor two = row({2, 2});  // is held here, and so not written to
  backward({scale(y, 10), y, y}, {row({1, 1}), two, row({4, 4})});
  CHECK(host(came.sum) == std::vector<float>{6, 6});
  CHECK(host(came.last) == std::vector<float>{10, 10});
  CHECK(host(two) == std::vector<float>{2, 2});
  CHECK(host(x.grad()) == std::vector<float>{16, 16});
}

TEST_CASE("tape: several roots, each with its seed") {
  const Var x = Var::parameter(row({1, 2}));
  const Var twice = scale(x, 2), thrice = scale(x, 3);
  const Tensor seed = row({10, 20});
  backward({twice, thrice}, {row({1, 1}), seed});
  CHECK(host(x.grad()) == std::vector<float>{32, 62});
  CHECK(host(seed) == std::vector<float>{10, 20});
}

TEST_CASE("tape: a root may be part of another root") {
  const Var x = Var::parameter(row({1}));
  const Var y = scale(x, 2), z = scale(y, 5);
  backward({y, z});
  CHECK(host(x.grad()) == std::vector<float>{12});
}

TEST_CASE("tape: several outputs, one of which nothing reaches") {
  const Var x = Var::parameter(row({1, 2}));
  auto split = [&] {
    return record({ops::scale(x.value(), 2), ops::scale(x.value(), 3)}, {x},
                  [](const std::vector<Tensor>& dys, Needs) -> Grads {
                    Tensor dx = dys[0].defined() ? ops::scale(dys[0], 2) : Tensor();
                    if (dys[1].defined())
                      dx = dx.defined() ? ops::add(dx, ops::scale(dys[1], 3)) : ops::scale(dys[1], 3);
                    return {dx};
                  });
  };
  Var parameter = x;
  backward(split()[1]);
  CHECK(host(x.grad()) == std::vector<float>{3, 3});
  parameter.zero_grad();
  const auto both = split();
  backward(add(both[0], both[1]));
  CHECK(host(x.grad()) == std::vector<float>{5, 5});
}

TEST_CASE("tape: nodes run newest first, each once, when all that reads them has run") {
  std::vector<int> order;
  const Var x = Var::parameter(row({1}));
  const Var a = noted(x, order, 1);
  const Var b = noted(a, order, 2);
  const Var c = noted(a, order, 3);
  const Var d = noted(b, order, 4);
  backward(add(c, d));
  CHECK(order == std::vector<int>{4, 3, 2, 1});
  CHECK(host(x.grad()) == std::vector<float>{2});
}

TEST_CASE("tape: saved memory goes as soon as a node has run") {
  const Var x = Var::parameter(row({1}));
  auto saved = std::make_shared<int>(7);
  const std::weak_ptr<int> watch = saved;
  bool older_sees_it_gone = false;
  const Var older = record(x.value(), {x}, [&](const Tensor& dy, Needs) -> Grads {
    older_sees_it_gone = watch.expired();
    return {dy};
  });
  const Var newer = record(older.value(), {older},
                           [s = std::move(saved)](const Tensor& dy, Needs) -> Grads { return {ops::scale(dy, *s)}; });
  backward(newer);
  CHECK(older_sees_it_gone);
  CHECK(host(x.grad()) == std::vector<float>{7});
}

TEST_CASE("tape: an input's value is not kept, unless the operation saves it") {
  const Var x = Var::parameter(row({1, 2}));
  Var y = scale(x, 2);
  const Tensor middle = y.value();
  const Var z = scale(y, 3);
  y = Var();
  CHECK(middle.sole_owner());
  backward(z);
  CHECK(host(x.grad()) == std::vector<float>{6, 6});
}

TEST_CASE("tape: dropped without backward, it frees what it saved") {
  const Var x = Var::parameter(row({1}));
  auto saved = std::make_shared<int>(7);
  const std::weak_ptr<int> watch = saved;
  {
    const Var y = record(x.value(), {x}, [s = std::move(saved)](const Tensor& dy, Needs) -> Grads { return {dy}; });
    CHECK_FALSE(watch.expired());
  }
  CHECK(watch.expired());
}

TEST_CASE("tape: a chain of ten thousand operations neither overflows backward nor its destruction") {
  const Var x = Var::parameter(row({1}));
  Var y = x;
  for (int i = 0; i < 10000; ++i) y = view(y, {1});
  SUBCASE("backward") {
    backward(y);
    CHECK(host(x.grad()) == std::vector<float>{1});
  }
  SUBCASE("dropped") { y = Var(); }
}

TEST_CASE("tape: inside NoGrad nothing is recorded") {
  const Var x = Var::parameter(row({1}));
  {
    NoGrad outer;
    { NoGrad inner; }
    CHECK_FALSE(scale(x, 2).needs_grad());
  }
  CHECK(scale(x, 2).needs_grad());
}

TEST_CASE("tape: a second backward through the same tape is an error") {
  const Var x = Var::parameter(row({1}));
  const Var y = scale(x, 2);
  backward(y);
  CHECK_THROWS_WITH_AS(backward(y), "backward: this part of the tape was used and freed already", Error);
}

TEST_CASE("tape: constants and frozen inputs cost nothing") {
  const Var constant = row({1, 2}), x = Var::parameter(row({3, 4}));
  CHECK_FALSE(mul(constant, constant).needs_grad());
  bool asked_constant = true, asked_parameter = false;
  const Var y = record(constant.value(), {constant, x}, [&](const Tensor& dy, Needs need) -> Grads {
    asked_constant = need[0], asked_parameter = need[1];
    return {Tensor(), dy};
  });
  backward(y);
  CHECK_FALSE(asked_constant);
  CHECK(asked_parameter);
}

TEST_CASE("tape: a branch that does not reach a root does not run") {
  std::vector<int> order;
  const Var x = Var::parameter(row({1}));
  const Var unused = noted(x, order, 1), used = noted(x, order, 2);
  backward(used);
  CHECK(order == std::vector<int>{2});
}

TEST_CASE("tape: an undefined gradient stops there") {
  std::vector<int> order;
  const Var x = Var::parameter(row({1}));
  const Var a = noted(x, order, 1);
  const Var y = record(a.value(), {a}, [](const Tensor&, Needs) -> Grads { return {Tensor()}; });
  backward(y);
  CHECK(order.empty());
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("tape: what is wrong with seeds and closures is said") {
  Var x = Var::parameter(row({1, 2}));
  CHECK_THROWS_WITH_AS(backward({x}, {row({1, 2}), row({1})}), "backward: 1 roots, 2 seeds", Error);
  CHECK_THROWS_WITH_AS(backward({x}, {row({1})}), "backward: seed is [1], root is [2]", Error);
  const Var y = record(x.value(), {x}, [](const Tensor&, Needs) -> Grads { return {}; });
  CHECK_THROWS_WITH_AS(backward(y), "backward: an operation of 1 inputs returned 0 gradients", Error);
  CHECK_THROWS_WITH_AS(y.grad(), "grad: only a parameter keeps its gradient", Error);
  Var constant = row({1});
  CHECK_THROWS_WITH_AS(constant.zero_grad(), "zero_grad: only a parameter keeps its gradient", Error);
  CHECK_THROWS_WITH_AS(constant.set_grad(row({1})), "set_grad: only a parameter keeps its gradient", Error);
  CHECK_THROWS_WITH_AS(x.set_grad(row({1})), "set_grad: gradient is [1], parameter is [2]", Error);
}
