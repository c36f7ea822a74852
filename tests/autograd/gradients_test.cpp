// Drives every row of the table of cases.
#include <doctest/doctest.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "autograd/gradcheck.h"
#include "tests/autograd/op_cases.h"

using namespace sil;

namespace {

std::vector<OpCase> all_cases() {
  std::vector<OpCase> all;
  for (const auto& part : {basic_cases(), loss_cases(), dense_cases(), roi_cases()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

struct Drawn {
  Function f;
  std::vector<Tensor> inputs;
};

Drawn draw(const OpCase& row, DType dtype, RngKey key) {
  Case first(dtype, key);
  row.run(first);
  Function f = [run = row.run, dtype, key](const std::vector<Var>& inputs) {
    Case c(dtype, key, inputs);
    return run(c);
  };
  return {f, values(first.vars)};
}

}  // namespace

TEST_CASE("gradients: backward is the derivative of every operation, to 1e-6 in float64") {
  for (const OpCase& row : all_cases()) {
    CAPTURE(std::string(row.op));
    CAPTURE(std::string(row.what));
    const RngKey key = RngKey{1}.fold(row.op).fold(row.what);
    const auto [f, inputs] = draw(row, DType::f64, key);
    CHECK_FALSE(inputs.empty());
    const Disagreement worst = gradcheck(f, inputs, key.fold("dy"));
    CAPTURE(worst.where);
    CHECK(worst.error <= 1e-6);
  }
}

TEST_CASE("gradients: backward of a linear operation is its adjoint, in float32 and bfloat16") {
  for (const OpCase& row : all_cases()) {
    if (!row.linear) continue;
    for (DType dtype : {DType::f32, DType::bf16}) {
      CAPTURE(std::string(row.op));
      CAPTURE(std::string(row.what));
      CAPTURE(std::string(name(dtype)));
      const RngKey key = RngKey{2}.fold(row.op).fold(row.what);
      const auto [f, inputs] = draw(row, dtype, key);
      const Disagreement d = adjoint_check(f, inputs, key.fold("dy"));
      CAPTURE(d.where);
      CHECK(d.error <= 2);  // units of rounding, relative to the sums of absolute terms
    }
  }
}

TEST_CASE("gradients: every operation that autograd/ops.h declares has a row") {
  std::ifstream header(SIL_SOURCE_DIR "/autograd/ops.h");
  REQUIRE(header);
  std::set<std::string> tested, declared;
  for (const OpCase& row : all_cases()) tested.insert(row.op);
  const std::regex declaration(R"(^(Var|BatchNormed) (\w+)\()");
  for (std::string line; std::getline(header, line);)
    if (std::smatch m; std::regex_search(line, m, declaration)) declared.insert(m[2]);
  CHECK(declared.size() >= 35);
  for (const std::string& op : declared)
    CHECK_MESSAGE(tested.count(op), op, " has no row in tests/autograd/cases_*.cpp");
  for (const std::string& op : tested) CHECK_MESSAGE(declared.count(op), op, " has a row but is not declared");
}

TEST_CASE("gradcheck: sees a sign, a factor of one percent and a permuted gradient") {
  const Tensor x = Tensor::of<double>({2, 2}, {0.3, -0.7, 0.9, 0.2});
  auto with_backward = [](std::function<Tensor(const Tensor& dy, const Tensor& x)> back) {
    return [back](const std::vector<Var>& in) {
      const Tensor v = in[0].value();
      return record(ops::square(v), in, [back, v](const Tensor& dy, Needs) -> Grads { return {back(dy, v)}; });
    };
  };
  auto error = [&](double factor, bool transposed) {
    const Function f = with_backward([=](const Tensor& dy, const Tensor& v) {
      const Tensor dx = ops::scale(ops::mul(dy, v), factor);
      return transposed ? ops::transpose(dx) : dx;
    });
    return gradcheck(f, {x}, RngKey{3}).error;
  };
  CHECK(error(2, false) < 1e-8);
  CHECK(error(-2, false) > 1);
  CHECK(error(2.02, false) > 5e-3);
  CHECK(error(2, true) > 0.1);
}

TEST_CASE("adjoint_check: sees a factor of one percent in bfloat16") {
  const Tensor x = ops::cast(Tensor::of<float>({4}, {0.3f, -0.7f, 0.9f, 0.2f}), DType::bf16);
  auto error = [&](double factor) {
    const Function f = [factor](const std::vector<Var>& in) {
      return record(ops::scale(in[0].value(), 3), in,
                    [factor](const Tensor& dy, Needs) -> Grads { return {ops::scale(dy, factor)}; });
    };
    return adjoint_check(f, {x}, RngKey{4}).error;
  };
  CHECK(error(3) <= 1);
  CHECK(error(3.03) > 2);
  CHECK(error(-3) > 100);
}

TEST_CASE("gradcheck: a gradient of another shape or dtype is an error, not an agreement") {
  const Tensor x = Tensor::of<double>({2}, {1, 2});
  const Function wrong_dtype = [](const std::vector<Var>& in) {
    return record(in[0].value(), in, [](const Tensor& dy, Needs) -> Grads { return {ops::cast(dy, DType::f32)}; });
  };
  CHECK(gradcheck(wrong_dtype, {x}, RngKey{5}).where == "input 0 is float64 [2], its gradient float32 [2]");
}
