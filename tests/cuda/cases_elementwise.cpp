#include <limits>

#include "tests/cuda/kernel_cases.h"

namespace sil {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();
constexpr Unary kUnary[] = {Unary::neg,    Unary::abs,        Unary::exp,     Unary::log, Unary::sqrt,
                            Unary::square, Unary::reciprocal, Unary::sigmoid, Unary::relu};
constexpr Binary kBinary[] = {Binary::add, Binary::sub, Binary::mul, Binary::div, Binary::min, Binary::max};

std::vector<Tensor> every_unary(const Tensor& x) {
  std::vector<Tensor> all;
  for (Unary op : kUnary) all.push_back(ops::unary(op, x));
  return all;
}
std::vector<Tensor> every_binary(const Tensor& a, const Tensor& b) {
  std::vector<Tensor> all;
  for (Binary op : kBinary) all.push_back(ops::binary(op, a, b));
  return all;
}
std::vector<Tensor> every_reduction(const Tensor& x, const std::vector<int>& axes) {
  return {ops::reduce(Reduce::sum, x, axes), ops::reduce(Reduce::mean, x, axes), ops::reduce(Reduce::max, x, axes)};
}

}  // namespace

std::vector<KernelCase> elementwise_cases() {
  return {
      {"unary", "random",
       [](const On& on) {
         return every_unary(on.random({3, 333}, 1));
       },
       8},
      {"unary", "special values",
       [](const On& on) {
         return every_unary(on.floats({8}, {0, -0.0, 1, -1, kNan, kInf, -kInf, 60}));
       }},
      {"unary", "whole vectors, at an address that is none, more than the grid's threads",
       [](const On& on) {
         return std::vector{ops::relu(on.random({64}, 1)), ops::relu(on.random({10, 2}, 2).rows(1, 9)),
                            ops::relu(on.random({300, 8192}, 3))};
       }},
      {"unary", "one and none",
       [](const On& on) {
         std::vector<Tensor> all = every_unary(on.random({1}, 1));
         for (const Tensor& t : every_unary(on.random({0}, 1))) all.push_back(t);
         return all;
       }},
      {"binary", "equal shapes",
       [](const On& on) {
         return every_binary(on.random({5, 77}, 1), on.random({5, 77}, 2, 1, 3));
       }},
      {"binary", "equal shapes, whole vectors, one of them at an address that is none",
       [](const On& on) {
         std::vector<Tensor> all = every_binary(on.random({4, 16}, 1), on.random({4, 16}, 2, 1, 3));
         for (const Tensor& t : every_binary(on.random({10, 2}, 1).rows(1, 9), on.random({8, 2}, 2, 1, 3)))
           all.push_back(t);
         return all;
       }},
      {"binary", "a channel's value to all pixels",
       [](const On& on) {
         return every_binary(on.random({2, 3, 4, 5}, 1), on.random({5}, 2, 1, 3));
       }},
      {"binary",
       "whole vectors, with a channel's value, a row's value, at addresses that are none, a scalar on the right",
       [](const On& on) {
         const Tensor x = on.random({3, 5, 16}, 1);
         std::vector<Tensor> all = every_binary(x, on.random({16}, 2, 1, 3));
         for (const Tensor& other : {on.random({3, 1, 1}, 3, 1, 3), on.random({3, 5, 1}, 4, 1, 3),
                                     on.random({17, 1}, 5, 1, 3).rows(1, 17).view({16}), on.random({1}, 6, 1, 3)})
           for (const Tensor& t : every_binary(x, other)) all.push_back(t);
         return all;
       }},
      {"binary", "more columns than a block has threads, more rows than the grid",
       [](const On& on) {
         return std::vector{ops::mul(on.random({2, 1100}, 1), on.random({2, 1}, 2)),
                            ops::sub(on.random({1100, 1024}, 3), on.random({1024}, 4))};
       }},
      {"binary", "both broadcast",
       [](const On& on) {
         return every_binary(on.random({4, 1, 3}, 1), on.random({2, 1}, 2, 1, 3));
       }},
      {"binary", "a scalar",
       [](const On& on) {
         return every_binary(on.random({}, 1), on.random({3, 7}, 2, 1, 3));
       }},
      {"binary", "NaN from either side",
       [](const On& on) {
         return every_binary(on.floats({4}, {kNan, 1, kNan, -1}), on.floats({4}, {1, kNan, kNan, 1}));
       }},
      {"relu_backward", "both signs, zero and NaN",
       [](const On& on) {
         return std::vector{ops::relu_backward(on.random({300}, 1), on.random({300}, 2)),
                            ops::relu_backward(on.random({320}, 1), on.random({320}, 2)),
                            ops::relu_backward(on.floats({4}, {1, 2, 3, 4}), on.floats({4}, {0, -0.0, kNan, 1}))};
       }},
      {"relu_backward", "of two gradients",
       [](const On& on) {
         std::vector<Tensor> all;
         for (int64_t n : {300, 320})
           all.push_back(ops::relu_backward(on.random({n}, 1), on.random({n}, 2), on.random({n}, 3)));
         all.push_back(ops::relu_backward(on.floats({3}, {1, 2, kNan}), on.floats({3}, {1, 0, 0}),
                                          on.floats({3}, {kNan, kNan, 1})));
         return all;
       }},
      {"reduce", "all axes",
       [](const On& on) {
         return every_reduction(on.random({3, 4, 5}, 1), {0, 1, 2});
       }},
      {"reduce", "outer, inner, both ends, the middle",
       [](const On& on) {
         const Tensor x = on.random({3, 4, 5, 6}, 1);
         std::vector<Tensor> all;
         for (const std::vector<int>& axes : std::vector<std::vector<int>>{{0}, {3}, {0, 3}, {1, 2}, {0, 2}, {1, 3}})
           for (const Tensor& t : every_reduction(x, axes)) all.push_back(t);
         return all;
       }},
      {"reduce", "more rows than a stretch",
       [](const On& on) {
         return every_reduction(on.random({1100, 3}, 1), {0});
       }},
      {"reduce", "columns in vectors, one row more than a stretch",
       [](const On& on) {
         return every_reduction(on.random({2, 65, 16}, 1), {1});
       }},
      {"reduce", "a run longer than a stretch",
       [](const On& on) {
         return every_reduction(on.random({2, 9001}, 1), {1});
       }},
      {"reduce", "NaN, and nothing",
       [](const On& on) {
         std::vector<Tensor> all = every_reduction(on.floats({2, 2}, {1, kNan, 2, 3}), {1});
         all.push_back(ops::reduce(Reduce::sum, on.random({0, 3}, 1), {0}));
         return all;
       }},
      {"all_finite", "finite, NaN, infinite, none, NaN everywhere",
       [](const On& on) {
         std::vector<int32_t> ok{ops::all_finite(on.random({5000}, 1)), ops::all_finite(on.random({0}, 1)),
                                 ops::all_finite(on.floats({3}, {1, kNan, 2})),
                                 ops::all_finite(on.floats({3}, {1, 2, -kInf})),
                                 ops::all_finite(on.floats({600}, std::vector<double>(600, kNan)))};
         return std::vector{Tensor::of<int32_t>({5}, ok)};
       }},
      {"softmax", "rows shorter and longer than a warp",
       [](const On& on) {
         return std::vector{ops::softmax(on.random({9, 5}, 1)), ops::softmax(on.random({3, 91}, 2, -30, 30)),
                            ops::softmax(on.random({2, 1}, 3)), ops::softmax(on.random({0, 4}, 3))};
       },
       16},
  };
}

}  // namespace sil
