#include "tests/cuda/kernel_cases.h"

namespace sil {
namespace {

// More tensors than one launch takes, of sizes from 0.
std::vector<Tensor> many(const On& on, uint64_t seed, double lo = -1) {
  std::vector<Tensor> all;
  for (int64_t i = 0; i < 35; ++i) all.push_back(on.random({i % 3 == 0 ? i * 40 : i}, seed + uint64_t(i), lo, 1));
  return all;
}

std::vector<Tensor> joined(std::vector<Tensor> a, const std::vector<Tensor>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

std::vector<KernelCase> optimizer_cases() {
  return {
      {"sgd", "the first step and the second",
       [](const On& on) {
         std::vector<Tensor> w = many(on, 1), momentum = many(on, 100);
         ops::sgd(w, many(on, 200), momentum, {0.1, 0.9, 0.01, true});
         ops::sgd(w, many(on, 300), momentum, {0.1, 0.9, 0.01, false});
         return joined(w, momentum);
       }},
      {"adamw", "two steps",
       [](const On& on) {
         std::vector<Tensor> w = many(on, 1), m = many(on, 100), v = many(on, 200, 0);
         ops::adamw(w, many(on, 300), m, v, {0.1, 0.9, 0.99, 1e-8, 0.01, 1});
         ops::adamw(w, many(on, 400), m, v, {0.1, 0.9, 0.99, 1e-8, 0.01, 2});
         return joined(joined(w, m), v);
       },
       8},
      {"global_norm", "many, one, none",
       [](const On& on) {
         return std::vector{ops::global_norm(many(on, 1)), ops::global_norm({on.random({1}, 1)}), ops::global_norm({})};
       }},
  };
}

}  // namespace sil
