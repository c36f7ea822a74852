#include <cmath>

#include "tests/cuda/kernel_cases.h"

namespace sil {
namespace {

// More tensors than one launch takes, of sizes from 0.
std::vector<Tensor> many(const On& on, uint64_t seed, double lo = -1) {
  std::vector<Tensor> all;
  for (int64_t i = 0; i < 35; ++i) all.push_back(on.random({i % 3 == 0 ? i * 40 : i}, seed + uint64_t(i), lo, 1));
  return all;
}

// At addresses that are no whole vectors.
std::vector<Tensor> at_odd_addresses(const std::vector<Tensor>& aligned, const On& on) {
  std::vector<Tensor> all;
  for (const Tensor& t : aligned) {
    Tensor room = on.random({t.numel() + 1, 1}, 1).rows(1, t.numel() + 1).view({t.numel()});
    on.device.kernels().copy({}, t, room);
    all.push_back(room);
  }
  return all;
}

std::vector<Tensor> joined(std::vector<Tensor> a, const std::vector<Tensor>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

StepNumbers numbers(const On& on, int64_t steps, double norm = 1) {
  return {on(Tensor::of<double>({1}, {0.1})), on(Tensor::of<int64_t>({1}, {steps})),
          on(Tensor::of<float>({1}, {float(norm)})), 2.5};
}

}  // namespace

std::vector<KernelCase> optimizer_cases() {
  return {
      {"sgd", "the first step, the second, one that is clipped, one that is not taken",
       [](const On& on) {
         std::vector<Tensor> w = many(on, 1), momentum = many(on, 100);
         ops::sgd(w, many(on, 200), momentum, numbers(on, 1), {0.9, 0.01, true});
         StepNumbers unclipped = numbers(on, 2);
         unclipped.norm = {};
         ops::sgd(w, many(on, 300), momentum, unclipped, {0.9, 0.01, false});
         ops::sgd(w, many(on, 400), momentum, numbers(on, 3, 7), {0.9, 0.01, false});
         for (const double broken : {NAN, INFINITY})
           ops::sgd(w, many(on, 500), momentum, numbers(on, 4, broken), {0.9, 0.01, false});
         return joined(w, momentum);
       }},
      {.kernel = "adamw",
       .what = "two steps, one that is clipped and behind the others, one that is not taken",
       .run =
           [](const On& on) {
             std::vector<Tensor> w = many(on, 1), m = many(on, 100), v = many(on, 200, 0);
             ops::adamw(w, many(on, 300), m, v, numbers(on, 1), {0.9, 0.99, 1e-8, 0.01, 0});
             ops::adamw(w, many(on, 400), m, v, numbers(on, 2), {0.9, 0.99, 1e-8, 0.01, 0});
             ops::adamw(w, many(on, 500), m, v, numbers(on, 9, 7), {0.9, 0.99, 1e-8, 0.01, 6});
             ops::adamw(w, many(on, 600), m, v, numbers(on, 10, NAN), {0.9, 0.99, 1e-8, 0.01, 0});
             return joined(joined(w, m), v);
           },
       .roundings = 8,
       .no_f16 = true},
      {"sgd", "at addresses that are no whole vectors",
       [](const On& on) {
         std::vector<Tensor> w = at_odd_addresses(many(on, 1), on), momentum = many(on, 100);
         ops::sgd(w, many(on, 200), momentum, numbers(on, 2), {0.9, 0.01, false});
         return joined(w, momentum);
       }},
      {"adamw", "at addresses that are no whole vectors",
       [](const On& on) {
         std::vector<Tensor> w = many(on, 1), m = many(on, 100), v = at_odd_addresses(many(on, 200, 0), on);
         ops::adamw(w, many(on, 300), m, v, numbers(on, 2), {0.9, 0.99, 1e-8, 0.01, 0});
         return joined(joined(w, m), v);
       },
       8},
      {"global_norm", "many, one, none",
       [](const On& on) {
         return std::vector{ops::global_norm(many(on, 1)), ops::global_norm(at_odd_addresses(many(on, 1), on)),
                            ops::global_norm({on.random({1}, 1)}), ops::global_norm({on.random({0}, 1)}),
                            ops::global_norm({})};
       }},
      {"global_norm", "more than the grid's threads, beside a few",
       [](const On& on) {
         return std::vector{ops::global_norm({on.random({5}, 1), on.random({1100 * 1024 + 3}, 2), on.random({7}, 3)})};
       }},
  };
}

}  // namespace sil
