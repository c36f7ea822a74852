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

// StepNumbers, where they lie.
struct Numbers {
  const double* rate;
  const int64_t* steps;
  const float* norm;  // or null
  double max_norm;

  explicit Numbers(const StepNumbers& n)
      : rate(n.rate.data<double>()),
        steps(n.steps.data<int64_t>()),
        norm(data_or_null<float>(n.norm)),
        max_norm(n.max_norm) {}

  // What gradients count; negative: the step changes nothing.
  __device__ float gradient_scale() const {
    if (!norm) return 1;
    if (!(*norm <= 3.4028235e38f)) return -1;
    const double scale = max_norm / (double(*norm) + 1e-6);
    return float(scale < 1 ? scale : 1);
  }
};

struct SgdFactors {
  float momentum, decay;
  bool first;
};

// Sutskever et al. 2013 in torch's form: b = momentum * b + g + weight_decay * w; w -= rate * b.
template <class T>
__global__ void sgd_kernel(Tensors<T> t, Numbers n, SgdFactors f) {
  const unsigned k = blockIdx.y;
  const float scale = n.gradient_scale(), rate = float(*n.rate);
  if (scale < 0) return;
  for (int64_t i = thread_index(); i < t.size[k]; i += thread_count()) {
    const float w = float(t.w[k][i]), d = scale * float(t.g[k][i]) + f.decay * w;
    const float b = f.first ? d : f.momentum * float(t.first[k][i]) + d;
    t.first[k][i] = T(b);
    t.w[k][i] = T(w - rate * b);
  }
}

struct AdamWFactors {
  float decay, rate, root;
};

__device__ inline AdamWFactors factors_of(const Numbers& n, const AdamWStep& step) {
  const double rate = *n.rate, steps = double(*n.steps - step.behind);
  return {float(1 - rate * step.weight_decay), float(rate / (1 - std::pow(step.beta1, steps))),
          float(1 / std::sqrt(1 - std::pow(step.beta2, steps)))};
}

// Loshchilov, Hutter 2019, alg. 2.
template <class T>
__global__ void adamw_kernel(Tensors<T> t, Numbers n, AdamWStep step) {
  __shared__ AdamWFactors f;  // powers in double: once a block
  const unsigned k = blockIdx.y;
  const float scale = n.gradient_scale();
  if (scale < 0) return;
  if (threadIdx.x == 0) f = factors_of(n, step);
  __syncthreads();
  const float old1 = float(step.beta1), new1 = float(1 - step.beta1), epsilon = float(step.epsilon);
  const float old2 = float(step.beta2), new2 = float(1 - step.beta2);
  for (int64_t i = thread_index(); i < t.size[k]; i += thread_count()) {
    const float d = scale * float(t.g[k][i]);
    const float mean = old1 * float(t.first[k][i]) + new1 * d;
    const float square = old2 * float(t.second[k][i]) + new2 * d * d;
    t.first[k][i] = T(mean), t.second[k][i] = T(square);
    t.w[k][i] = T(f.decay * float(t.w[k][i]) - f.rate * mean / (std::sqrt(square) * f.root + epsilon));
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

void sgd(Stream s, OutList w, InList g, OutList momentum, const StepNumbers& numbers, SgdStep step) {
  if (w.empty()) return;
  const SgdFactors factors{float(step.momentum), float(step.weight_decay), step.first};
  for_float("sgd", w[0].dtype(), [&](auto t) {
    using T = decltype(t);
    for_tensors<T>(w, g, momentum, {}, [&](const Tensors<T>& tensors, Grid grid) {
      launch(s, "sgd", grid, sgd_kernel<T>, tensors, Numbers(numbers), factors);
    });
  });
}

void adamw(Stream s, OutList w, InList g, OutList m, OutList v, const StepNumbers& numbers, AdamWStep step) {
  if (w.empty()) return;
  for_float("adamw", w[0].dtype(), [&](auto t) {
    using T = decltype(t);
    for_tensors<T>(w, g, m, v, [&](const Tensors<T>& tensors, Grid grid) {
      launch(s, "adamw", grid, adamw_kernel<T>, tensors, Numbers(numbers), step);
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
