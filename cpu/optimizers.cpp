// The optimizers' steps and the norm of all gradients together.
#include <algorithm>
#include <cmath>
#include <optional>

#include "cpu/cpu.h"
#include "cpu/dispatch.h"
#include "cpu/loops.h"

namespace sil::cpu {

namespace {

// What all gradients count, or nothing where a step must change nothing.
std::optional<double> gradient_scale(const StepNumbers& n) {
  if (!n.norm.defined()) return 1;
  const double norm = *n.norm.data<float>();
  if (!std::isfinite(norm)) return std::nullopt;
  return std::min(1.0, n.max_norm / (norm + 1e-6));
}

}  // namespace

// Sutskever et al. 2013 in torch's form: b = momentum * b + g + weight_decay * w; w -= rate * b.
void sgd(Stream, OutList w, InList g, OutList momentum, const StepNumbers& numbers, SgdStep step) {
  const std::optional<double> scale = gradient_scale(numbers);
  if (!scale) return;
  const double rate = *numbers.rate.data<double>();
  for (size_t p = 0; p < w.size(); ++p)
    for_float(w[p].dtype(), [&](auto t) {
      using T = decltype(t);
      using A = Compute<T>;
      T *weight = w[p].data<T>(), *buffer = momentum[p].data<T>();
      const T* gradient = g[p].data<T>();
      each(w[p].numel(), [=](int64_t i) {
        const A d = A(*scale) * A(gradient[i]) + A(step.weight_decay) * A(weight[i]), old = A(buffer[i]);
        const A b = step.first ? d : A(step.momentum) * old + d;
        put(buffer[i], b);
        put(weight[i], A(weight[i]) - A(rate) * b);
      });
    });
}

// Loshchilov, Hutter 2019, alg. 2.
void adamw(Stream, OutList w, InList g, OutList m, OutList v, const StepNumbers& numbers, AdamWStep step) {
  const std::optional<double> scale = gradient_scale(numbers);
  if (!scale) return;
  const double learning_rate = *numbers.rate.data<double>();
  const double steps = double(*numbers.steps.data<int64_t>() - step.behind);
  const double correction1 = 1 - std::pow(step.beta1, steps), correction2 = 1 - std::pow(step.beta2, steps);
  for (size_t p = 0; p < w.size(); ++p)
    for_float(w[p].dtype(), [&](auto t) {
      using T = decltype(t);
      using A = Compute<T>;
      T *weight = w[p].data<T>(), *first = m[p].data<T>(), *second = v[p].data<T>();
      const T* gradient = g[p].data<T>();
      const A old1 = A(step.beta1), new1 = A(1 - step.beta1), old2 = A(step.beta2), new2 = A(1 - step.beta2);
      const A decay = A(1 - learning_rate * step.weight_decay), rate = A(learning_rate / correction1);
      const A root = A(1 / std::sqrt(correction2)), epsilon = A(step.epsilon);
      each(w[p].numel(), [=](int64_t i) {
        const A d = A(*scale) * A(gradient[i]);
        const A mean = old1 * A(first[i]) + new1 * d, square = old2 * A(second[i]) + new2 * d * d;
        put(first[i], mean);
        put(second[i], square);
        put(weight[i], decay * A(weight[i]) - rate * mean / (std::sqrt(square) * root + epsilon));
      });
    });
}

void global_norm(Stream, InList g, Out norm, Scratch& scratch) {
  double sum = 0;
  for (const Tensor& one : g)
    for_float(one.dtype(), [&](auto t) {
      using T = decltype(t);
      const T* x = one.data<T>();
      sum += ordered_sum(one.numel(), kGrain, scratch, [x](int64_t begin, int64_t end) {
        double s = 0;
#pragma omp simd reduction(+ : s)
        for (int64_t i = begin; i < end; ++i) s += double(Compute<T>(x[i])) * double(Compute<T>(x[i]));
        return s;
      });
    });
  *norm.data<float>() = float(std::sqrt(sum));
}

}  // namespace sil::cpu
