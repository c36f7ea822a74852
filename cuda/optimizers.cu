// The optimizers' steps over many tensors at once, and the norm of all gradients together.  A launch takes up to 32
// tensors: blocks of row t of the grid stride over tensor t.
// bytes: SGD w and b read and written, g read, 20 an element in float32; AdamW w, m, v and g, 28; FLOP: 5 and 15.
#include <cmath>

#include "cuda/block.h"
#include "cuda/dispatch.h"
#include "cuda/gpu.h"

namespace sil::SIL_GPU {
namespace {

constexpr size_t kTensors = 32;

template <class T>
struct Tensors {
  T *w[kTensors], *first[kTensors], *second[kTensors];
  const T* g[kTensors];
  int64_t size[kTensors];
};

// Calls f(tensors, their number, the elements of the largest) for tensors of at most kTensors.
template <class T, class F>
void for_tensors(OutList w, InList g, OutList first, OutList second, F f) {
  for (size_t begin = 0; begin < w.size(); begin += kTensors) {
    Tensors<T> t{};
    const size_t count = w.size() - begin < kTensors ? w.size() - begin : kTensors;
    int64_t largest = 0;
    for (size_t i = 0; i < count; ++i) {
      t.w[i] = w[begin + i].template data<T>(), t.g[i] = g[begin + i].template data<T>();
      t.first[i] = first[begin + i].template data<T>();
      t.second[i] = second.empty() ? nullptr : second[begin + i].template data<T>();
      t.size[i] = w[begin + i].numel();
      largest = largest < t.size[i] ? t.size[i] : largest;
    }
    Grid grid = over(largest);
    grid.blocks.y = unsigned(count);
    f(t, grid);
  }
}

struct SgdFactors {
  float rate, momentum, decay;
  bool first;
};

// Sutskever et al. 2013 in torch's form: b = momentum * b + g + weight_decay * w; w -= rate * b.
template <class T>
__global__ void sgd_kernel(Tensors<T> t, SgdFactors f) {
  const unsigned k = blockIdx.y;
  for (int64_t i = thread_index(); i < t.size[k]; i += thread_count()) {
    const float w = float(t.w[k][i]), d = float(t.g[k][i]) + f.decay * w;
    const float b = f.first ? d : f.momentum * float(t.first[k][i]) + d;
    t.first[k][i] = T(b);
    t.w[k][i] = T(w - f.rate * b);
  }
}

struct AdamWFactors {
  float old1, new1, old2, new2, decay, rate, root, epsilon;
};

// Loshchilov, Hutter 2019, alg. 2.
template <class T>
__global__ void adamw_kernel(Tensors<T> t, AdamWFactors f) {
  const unsigned k = blockIdx.y;
  for (int64_t i = thread_index(); i < t.size[k]; i += thread_count()) {
    const float d = float(t.g[k][i]);
    const float mean = f.old1 * float(t.first[k][i]) + f.new1 * d;
    const float square = f.old2 * float(t.second[k][i]) + f.new2 * d * d;
    t.first[k][i] = T(mean), t.second[k][i] = T(square);
    t.w[k][i] = T(f.decay * float(t.w[k][i]) - f.rate * mean / (std::sqrt(square) * f.root + f.epsilon));
  }
}

template <class T>
__global__ void squares_kernel(int64_t n, const T* x, double* parts) {
  double sum = 0;
  for (int64_t i = thread_index(); i < n; i += thread_count()) sum += double(float(x[i])) * double(float(x[i]));
  sum = block_sum(sum);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

__global__ void norm_kernel(int64_t n, const double* parts, float* norm) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += blockDim.x) sum += parts[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *norm = float(std::sqrt(sum));
}

}  // namespace

void sgd(Stream s, OutList w, InList g, OutList momentum, SgdStep step) {
  if (w.empty()) return;
  const SgdFactors factors{float(step.rate), float(step.momentum), float(step.weight_decay), step.first};
  for_float("sgd", w[0].dtype(), [&](auto t) {
    using T = decltype(t);
    for_tensors<T>(w, g, momentum, {}, [&](const Tensors<T>& tensors, Grid grid) {
      launch(s, "sgd", grid, sgd_kernel<T>, tensors, factors);
    });
  });
}

void adamw(Stream s, OutList w, InList g, OutList m, OutList v, AdamWStep step) {
  if (w.empty()) return;
  const double correction1 = 1 - std::pow(step.beta1, double(step.step));
  const double correction2 = 1 - std::pow(step.beta2, double(step.step));
  const AdamWFactors factors{float(step.beta1),
                             float(1 - step.beta1),
                             float(step.beta2),
                             float(1 - step.beta2),
                             float(1 - step.rate * step.weight_decay),
                             float(step.rate / correction1),
                             float(1 / std::sqrt(correction2)),
                             float(step.epsilon)};
  for_float("adamw", w[0].dtype(), [&](auto t) {
    using T = decltype(t);
    for_tensors<T>(w, g, m, v, [&](const Tensors<T>& tensors, Grid grid) {
      launch(s, "adamw", grid, adamw_kernel<T>, tensors, factors);
    });
  });
}

void global_norm(Stream s, InList g, Out norm, Scratch& scratch) {
  int64_t blocks = 0;
  for (const Tensor& one : g) blocks += over(one.numel()).blocks.x;
  double *parts = scratch.take_n<double>(size_t(blocks)), *next = parts;
  for (const Tensor& one : g)
    for_float("global_norm", one.dtype(), [&](auto t) {
      using T = decltype(t);
      const Grid grid = over(one.numel());
      launch(s, "global_norm", grid, squares_kernel<T>, one.numel(), one.data<T>(), next);
      next += grid.blocks.x;
    });
  launch(s, "global_norm_end", {1, 1024}, norm_kernel, blocks, parts, norm.data<float>());
}

}  // namespace sil::SIL_GPU
