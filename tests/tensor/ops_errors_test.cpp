// What the operations of movement, elementwise, order, losses and optimizers say to wrong arguments, word by word.
#include <doctest/doctest.h>

#include "tensor/check.h"
#include "tensor/ops.h"

using namespace sil;

namespace {

Tensor f32(const Shape& s) { return Tensor::zeros(s); }
Tensor f64(const Shape& s) { return Tensor::zeros(s, DType::f64); }
Tensor i32(const Shape& s) { return Tensor::zeros(s, DType::i32); }

}  // namespace

TEST_CASE("errors: shapes") {
  CHECK_THROWS_WITH_AS(Shape({1, -2}), "shape: extent -2 of axis 1 is negative", Error);
  CHECK_THROWS_WITH_AS(Shape({1, 1, 1, 1, 1, 1, 1}), "shape: 7 axes given, at most 6 expected", Error);
  CHECK_THROWS_WITH_AS(Shape({int64_t(1) << 40, int64_t(1) << 40}), "shape: more elements than 64 bits count", Error);
  CHECK_THROWS_WITH_AS(broadcast("add", {2, 3}, {4}),
                       "add: shapes [2, 3] and [4] do not broadcast (equal extents, or 1, expected)", Error);
}

TEST_CASE("errors: movement") {
  CHECK_THROWS_WITH_AS(ops::cast({}, DType::f32), "cast: x is undefined; a tensor expected", Error);
  CHECK_THROWS_WITH_AS(ops::cast(f32({1}), DType::f16),
                       "cast: float32 to float16 on cpu; float16 lives on CUDA only, float64 on the CPU", Error);
  CHECK_THROWS_WITH_AS(ops::permute({}, {}), "permute: x is undefined; a tensor expected", Error);
  CHECK_THROWS_WITH_AS(ops::permute(f32({2, 3}), {0, 0}),
                       "permute: axes (0, 0) of [2, 3]; each of 0 to 1 once expected", Error);
  CHECK_THROWS_WITH_AS(ops::permute(f32({2, 3}), {1}), "permute: axes (1) of [2, 3]; each of 0 to 1 once expected",
                       Error);
  CHECK_THROWS_WITH_AS(ops::permute(f32({2, 3}), {0, 2}),
                       "permute: axes (0, 2) of [2, 3]; each of 0 to 1 once expected", Error);
  CHECK_THROWS_WITH_AS(ops::transpose(f32({2})), "transpose: x is [2]; [M, N] expected", Error);
  CHECK_THROWS_WITH_AS(ops::slice({}, 0, 0, 0), "slice: x is undefined; a tensor expected", Error);
  CHECK_THROWS_WITH_AS(ops::slice(f32({2, 3}), 2, 0, 1), "slice: axis 2 of [2, 3]; -2 to 1 expected", Error);
  CHECK_THROWS_WITH_AS(ops::slice(f32({2, 3}), 1, 1, 4), "slice: [1, 4) of axis 1 of [2, 3]; within [0, 3) expected",
                       Error);
  CHECK_THROWS_WITH_AS(ops::slice(f32({2, 3}), 1, 2, 1), "slice: [2, 1) of axis 1 of [2, 3]; within [0, 3) expected",
                       Error);
  CHECK_THROWS_WITH_AS(ops::concat({}, 0), "concat: no parts; at least one expected", Error);
  CHECK_THROWS_WITH_AS(ops::concat({Tensor()}, 0), "concat: part 0 is undefined; a tensor expected", Error);
  CHECK_THROWS_WITH_AS(ops::concat({f32({2}), Tensor()}, 0), "concat: part 1 is undefined; a tensor expected", Error);
  CHECK_THROWS_WITH_AS(ops::concat({f32({})}, 0), "concat: axis 0 of []; at least one axis expected", Error);
  CHECK_THROWS_WITH_AS(ops::concat({f32({2, 3}), f32({3, 2})}, 1),
                       "concat: part 1 is [3, 2], part 0 is [2, 3]; extents equal but for axis 1 expected", Error);
  CHECK_THROWS_WITH_AS(ops::concat({f32({2, 3}), f32({2})}, 0),
                       "concat: part 1 is [2], part 0 is [2, 3]; extents equal but for axis 0 expected", Error);
  CHECK_THROWS_WITH_AS(ops::concat({f32({2}), i32({2})}, 0),
                       "concat: part 0 is float32, part 1 is int32; the same dtype expected", Error);
  CHECK_THROWS_WITH_AS(ops::pad({}, 0, 0, 0), "pad: x is undefined; a tensor expected", Error);
  CHECK_THROWS_WITH_AS(ops::pad(f32({2, 3}), -3, 1, 1), "pad: axis -3 of [2, 3]; -2 to 1 expected", Error);
  CHECK_THROWS_WITH_AS(ops::pad(f32({2, 3}), 0, -1, 2),
                       "pad: -1 before and 2 after axis 0 of [2, 3]; 0 or more expected", Error);
}

TEST_CASE("errors: rows by index") {
  CHECK_THROWS_WITH_AS(ops::gather_rows({}, i32({1})), "gather_rows: x is undefined; a tensor expected", Error);
  CHECK_THROWS_WITH_AS(ops::gather_rows(f32({}), i32({1})), "gather_rows: x is []; at least one axis expected", Error);
  CHECK_THROWS_WITH_AS(ops::gather_rows(f32({2}), f32({1})), "gather_rows: index is float32; int32 expected", Error);
  CHECK_THROWS_WITH_AS(ops::gather_rows(f32({2}), i32({1, 1})), "gather_rows: index is [1, 1]; [M] expected", Error);
  CHECK_THROWS_WITH_AS(ops::gather_rows(f32({2}), Tensor::of<int32_t>({3}, {0, -1, 2})),
                       "gather_rows: index 2 at 2; less than the 2 rows expected", Error);
  CHECK_THROWS_WITH_AS(ops::scatter_add_rows(i32({2}), i32({2}), 1),
                       "scatter_add_rows: dy is int32; float32, bfloat16 or float64 expected", Error);
  CHECK_THROWS_WITH_AS(ops::scatter_add_rows(f32({}), i32({2}), 1),
                       "scatter_add_rows: dy is []; at least one axis expected", Error);
  CHECK_THROWS_WITH_AS(ops::scatter_add_rows(f32({2}), i32({2}), -1), "scatter_add_rows: -1 rows; 0 or more expected",
                       Error);
  CHECK_THROWS_WITH_AS(ops::scatter_add_rows(f32({2}), i32({3}), 1),
                       "scatter_add_rows: index is [3], dy is [2]; as many rows expected", Error);
  CHECK_THROWS_WITH_AS(ops::scatter_add_rows(f32({1}), i32({1}), 0),
                       "scatter_add_rows: index 0 at 0; less than the 0 rows expected", Error);
}

TEST_CASE("errors: elementwise") {
  CHECK_THROWS_WITH_AS(ops::relu({}), "relu: x is undefined; a tensor expected", Error);
  CHECK_THROWS_WITH_AS(ops::exp(i32({2})), "exp: x is int32; float32, bfloat16 or float64 expected", Error);
  const char* names[] = {"neg", "abs", "exp", "log", "sqrt", "square", "reciprocal", "sigmoid", "relu"};
  for (int op = 0; op < 9; ++op)
    CHECK_THROWS_WITH_AS(ops::unary(Unary(op), {}),
                         (std::string(names[op]) + ": x is undefined; a tensor expected").c_str(), Error);
  const char* pairs[] = {"add", "sub", "mul", "div", "min", "max"};
  for (int op = 0; op < 6; ++op)
    CHECK_THROWS_WITH_AS(ops::binary(Binary(op), f32({2}), {}),
                         (std::string(pairs[op]) + ": b is undefined; a tensor expected").c_str(), Error);
  CHECK_THROWS_WITH_AS(ops::add(f32({2, 3}), f32({2})),
                       "add: shapes [2, 3] and [2] do not broadcast (equal extents, or 1, expected)", Error);
  CHECK_THROWS_WITH_AS(ops::mul(f32({2}), f64({2})), "mul: a is float32, b is float64; the same dtype expected", Error);
  CHECK_THROWS_WITH_AS(ops::mul(i32({2}), i32({2})), "mul: a is int32; float32, bfloat16 or float64 expected", Error);
  CHECK_THROWS_WITH_AS(ops::scale({}, 2), "scale: x is undefined; a tensor expected", Error);
  Tensor sum = f32({2}), none, whole = i32({2});
  CHECK_THROWS_WITH_AS(ops::add_into(sum, f32({1})), "add_into: sum is [2], x is [1]; the same shape expected", Error);
  CHECK_THROWS_WITH_AS(ops::add_into(sum, f64({2})), "add_into: sum is float32, x is float64; the same dtype expected",
                       Error);
  CHECK_THROWS_WITH_AS(ops::add_into(none, sum), "add_into: sum is undefined; a tensor expected", Error);
  CHECK_THROWS_WITH_AS(ops::add_into(whole, whole), "add_into: sum is int32; float32, bfloat16 or float64 expected",
                       Error);
  CHECK_THROWS_WITH_AS(ops::relu_backward(f32({2}), f32({3})),
                       "relu_backward: dy is [2], y is [3]; the same shape expected", Error);
  CHECK_THROWS_WITH_AS(ops::relu_backward(f32({2}), f64({2})),
                       "relu_backward: dy is float32, y is float64; the same dtype expected", Error);
  CHECK_THROWS_WITH_AS(ops::relu_backward(f32({2}), f32({2}), f32({1})),
                       "relu_backward: dy is [2], more is [1]; the same shape expected", Error);
  CHECK_THROWS_WITH_AS(ops::all_finite(i32({2})), "all_finite: x is int32; float32, bfloat16 or float64 expected",
                       Error);
}

TEST_CASE("errors: reductions") {
  CHECK_THROWS_WITH_AS(ops::reduce(Reduce::sum, i32({2}), {0}),
                       "sum: x is int32; float32, bfloat16 or float64 expected", Error);
  CHECK_THROWS_WITH_AS(ops::reduce(Reduce::mean, f32({2, 3}), {2}), "mean: axis 2 of [2, 3]; -2 to 1 expected", Error);
  CHECK_THROWS_WITH_AS(ops::reduce(Reduce::sum, f32({2, 3}), {1, -1}),
                       "sum: axis 1 of [2, 3] twice; each axis once expected", Error);
  CHECK_THROWS_WITH_AS(ops::reduce(Reduce::max, f32({0, 3}), {0}), "max: x is [0, 3]; at least one element expected",
                       Error);
  CHECK_THROWS_WITH_AS(ops::sum({}), "sum: x is undefined; a tensor expected", Error);
  CHECK_THROWS_WITH_AS(ops::sum_to(f32({2, 3}), {2}), "sum_to: x is [2, 3]; a shape that [2] broadcasts to expected",
                       Error);
  CHECK_THROWS_WITH_AS(ops::sum_to(f32({3}), {2, 3}), "sum_to: x is [3]; a shape that [2, 3] broadcasts to expected",
                       Error);
}

TEST_CASE("errors: order") {
  CHECK_THROWS_WITH_AS(ops::top_k(f32({3}), 1), "top_k: x is [3]; [R, M] expected", Error);
  CHECK_THROWS_WITH_AS(ops::top_k(i32({1, 3}), 1), "top_k: x is int32; float32, bfloat16 or float64 expected", Error);
  CHECK_THROWS_WITH_AS(ops::top_k(f32({1, 3}), -1), "top_k: k is -1; 0 or more expected", Error);
  CHECK_THROWS_WITH_AS(ops::top_k(f32({1, 3}), 1, f32({1})), "top_k: counts is float32; int32 expected", Error);
  CHECK_THROWS_WITH_AS(ops::top_k(f32({1, 3}), 1, i32({2})), "top_k: counts is [2]; [R] [1] expected", Error);
  CHECK_THROWS_WITH_AS(ops::sort_descending(f32({3})), "sort_descending: x is [3]; [R, M] expected", Error);
}

TEST_CASE("errors: losses") {
  CHECK_THROWS_WITH_AS(ops::softmax_cross_entropy(f32({2}), i32({2})),
                       "softmax_cross_entropy: logits is [2]; [R, K] expected", Error);
  CHECK_THROWS_WITH_AS(ops::softmax_cross_entropy(f32({2, 3}), f32({2})),
                       "softmax_cross_entropy: labels is float32; int32 expected", Error);
  CHECK_THROWS_WITH_AS(ops::softmax_cross_entropy(f32({2, 3}), i32({3})),
                       "softmax_cross_entropy: labels is [3]; [R] [2] expected", Error);
  CHECK_THROWS_WITH_AS(ops::softmax_cross_entropy(f32({1, 3}), Tensor::of<int32_t>({1}, {3})),
                       "softmax_cross_entropy: label 3 of row 0; less than 3 expected", Error);
  CHECK_THROWS_WITH_AS(ops::sigmoid_bce(f32({2, 1}), i32({2})), "sigmoid_bce: logits is [2, 1]; [R] expected", Error);
  CHECK_THROWS_WITH_AS(ops::sigmoid_bce(f32({1}), Tensor::of<int32_t>({1}, {2})),
                       "sigmoid_bce: label 2 of row 0; less than 2 expected", Error);
  CHECK_THROWS_WITH_AS(ops::smooth_l1(f32({2, 4}), f32({2, 3}), i32({2}), f32({1}), 1),
                       "smooth_l1: x is [2, 4], target is [2, 3]; the same shape expected", Error);
  CHECK_THROWS_WITH_AS(ops::smooth_l1(f32({2, 4}), f64({2, 4}), i32({2}), f32({1}), 1),
                       "smooth_l1: x is float32, target is float64; the same dtype expected", Error);
  CHECK_THROWS_WITH_AS(ops::smooth_l1(f32({2, 4}), f32({2, 4}), i32({3}), f32({1}), 1),
                       "smooth_l1: labels is [3]; [R] [2] expected", Error);
  CHECK_THROWS_WITH_AS(ops::smooth_l1(f32({2, 4}), f32({2, 4}), f32({2}), f32({1}), 1),
                       "smooth_l1: labels is float32; int32 expected", Error);
  CHECK_THROWS_WITH_AS(ops::smooth_l1(f32({2, 4}), f32({2, 4}), i32({2}), f32({2}), 1),
                       "smooth_l1: denominator is [2]; one element expected", Error);
  CHECK_THROWS_WITH_AS(ops::smooth_l1(f32({2, 4}), f32({2, 4}), i32({2}), f32({1}), -1),
                       "smooth_l1: beta is -1; 0 or more expected", Error);
  CHECK_THROWS_WITH_AS(ops::softmax(f32({})), "softmax: x is []; at least one axis expected", Error);
}

TEST_CASE("errors: optimizers") {
  const StepNumbers numbers{f64({1}), Tensor::zeros({1}, DType::i64), {}};
  std::vector<Tensor> w = {f32({2}), f32({3})}, one = {f32({2})}, other = {f32({2}), f32({4})},
                      bad = {f32({2}), Tensor()};
  std::vector<Tensor> mixed = {f32({2}), f64({3})};
  CHECK_THROWS_WITH_AS(ops::sgd(w, one, w, numbers, {}), "sgd: 2 parameters, 1 of them with a gradient; all expected",
                       Error);
  CHECK_THROWS_WITH_AS(ops::sgd(w, other, w, numbers, {}),
                       "sgd: parameter 1 is [3], gradient 1 is [4]; the same shape expected", Error);
  CHECK_THROWS_WITH_AS(ops::sgd(w, bad, w, numbers, {}), "sgd: gradient 1 is undefined; a tensor expected", Error);
  CHECK_THROWS_WITH_AS(ops::sgd(w, w, other, numbers, {}),
                       "sgd: parameter 1 is [3], momentum 1 is [4]; the same shape expected", Error);
  CHECK_THROWS_WITH_AS(ops::sgd(mixed, mixed, mixed, numbers, {}),
                       "sgd: parameter 0 is float32, parameter 1 is float64; the same dtype expected", Error);
  CHECK_THROWS_WITH_AS(ops::adamw(w, w, w, w, numbers, {0.9, 0.99, 1e-8, 0, -1}),
                       "adamw: behind is -1; 0 or more expected", Error);
  CHECK_THROWS_WITH_AS(ops::sgd(w, w, w, {}, {}), "sgd: rate is undefined; float64 [1] expected", Error);
  CHECK_THROWS_WITH_AS(ops::sgd(w, w, w, {numbers.rate, i32({1}), {}}, {}),
                       "sgd: steps is int32 [1]; int64 [1] expected", Error);
  CHECK_THROWS_WITH_AS(ops::sgd(w, w, w, {numbers.rate, numbers.steps, f32({1}), 0}, {}),
                       "sgd: max_norm is 0; above 0 expected", Error);
  CHECK_THROWS_WITH_AS(ops::adamw(w, w, w, one, numbers, {}),
                       "adamw: 2 parameters, 1 of them with a second moment; all expected", Error);
  CHECK_THROWS_WITH_AS(ops::global_norm({f32({2}), f64({2})}),
                       "global_norm: gradient 0 is float32, gradient 1 is float64; the same dtype expected", Error);
  CHECK_THROWS_WITH_AS(ops::global_norm({i32({2})}),
                       "global_norm: gradient 0 is int32; float32, bfloat16 or float64 expected", Error);
}
