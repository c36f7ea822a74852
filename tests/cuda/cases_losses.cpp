#include "tests/cuda/kernel_cases.h"

namespace sil {
namespace {

std::vector<Tensor> both(const ops::Loss& loss) { return {loss.value, loss.gradient}; }

// 0 .. classes - 1, every third negative.
Tensor labels(const On& on, int64_t rows, int classes) {
  std::vector<int32_t> v;
  for (int64_t r = 0; r < rows; ++r) v.push_back(r % 3 == 2 ? -1 : int32_t(r * 7 % classes));
  return on.ints(v);
}

}  // namespace

std::vector<KernelCase> loss_kernel_cases() {
  return {
      {"softmax_cross_entropy", "few and many classes",
       [](const On& on) {
         std::vector<Tensor> all = both(ops::softmax_cross_entropy(on.random({7, 3}, 1), labels(on, 7, 3)));
         for (const Tensor& t : both(ops::softmax_cross_entropy(on.random({20, 91}, 2, -20, 20), labels(on, 20, 91))))
           all.push_back(t);
         return all;
       },
       16},
      {"softmax_cross_entropy", "no row takes part",
       [](const On& on) {
         return both(ops::softmax_cross_entropy(on.random({2, 3}, 1), on.ints({-1, -1})));
       }},
      {"sigmoid_bce", "more rows than a block",
       [](const On& on) { return both(ops::sigmoid_bce(on.random({3000}, 1, -50, 50), labels(on, 3000, 2))); }, 16},
      {"sigmoid_bce", "one row, none that takes part",
       [](const On& on) {
         std::vector<Tensor> all = both(ops::sigmoid_bce(on.random({1}, 1), on.ints({1})));
         for (const Tensor& t : both(ops::sigmoid_bce(on.random({2}, 1), on.ints({-1, -2})))) all.push_back(t);
         return all;
       }},
      {"smooth_l1", "both sides of beta, rows of weight 0",
       [](const On& on) {
         std::vector<double> weight;
         for (int i = 0; i < 600; ++i) weight.push_back(i % 4 == 0 ? 0 : i % 4 == 1 ? 0.5 : 1);
         return both(ops::smooth_l1(on.random({600, 4}, 1), on.random({600, 4}, 2), on.floats({600}, weight),
                                    on.floats({1}, {300}), 1.0f / 9));
       },
       16},
      {"smooth_l1", "beta 0, denominator 0",
       [](const On& on) {
         const Tensor x = on.random({3, 5}, 1), target = on.random({3, 5}, 2), weight = on.floats({3}, {1, 1, 1});
         std::vector<Tensor> all = both(ops::smooth_l1(x, target, weight, on.floats({1}, {3}), 0));
         for (const Tensor& t : both(ops::smooth_l1(x, target, weight, on.floats({1}, {0}), 1))) all.push_back(t);
         return all;
       }},
      {"mask_bce", "rows that take part and rows that do not",
       [](const On& on) {
         return both(ops::mask_bce(on.random({5, 7, 7, 3}, 1, -9, 9), on.random({5, 7, 7}, 2, 0, 1), labels(on, 5, 3)));
       },
       16},
      {"mask_bce", "none takes part, one class",
       [](const On& on) {
         std::vector<Tensor> all =
             both(ops::mask_bce(on.random({2, 4, 4, 3}, 1), on.random({2, 4, 4}, 2, 0, 1), on.ints({-1, -1})));
         for (const Tensor& t :
              both(ops::mask_bce(on.random({1, 28, 28, 1}, 1), on.random({1, 28, 28}, 2, 0, 1), on.ints({0}))))
           all.push_back(t);
         return all;
       }},
  };
}

}  // namespace sil
