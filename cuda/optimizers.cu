// The optimizers' steps over many tensors at once, and the norm of all gradients together.  A launch takes up to 32
// tensors, and each has blocks by its size.
// bytes: SGD w and b read and written, g read, 20 an element in float32; AdamW w, m, v and g, 28; FLOP: 5 and 15.
#include <cmath>
#include <vector>

#include "cuda/block.h"
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "cuda/vector.h"

namespace sil::SIL_GPU {
namespace {

constexpr size_t kTensors = 32;
constexpr int kNormThreads = 1024;

// Null where a kernel has no such list.
template <class T>
struct Tensors {
  T *w[kTensors], *first[kTensors], *second[kTensors];
  const T* g[kTensors];
  int64_t size[kTensors];
  unsigned begin[kTensors + 1];  // tensor k's blocks: begin[k] to begin[k + 1] - 1
};

// Gives each tensor blocks for its elements, N at a time, at least one; returns the grid of all.
template <class T>
Grid give_blocks(Tensors<T>& t, size_t count, int N) {
  for (size_t k = 0; k < count; ++k) {
    const int64_t vectors = t.size[k] / N;
    t.begin[k + 1] = t.begin[k] + (vectors ? over(vectors).blocks.x : 1);
  }
  return {t.begin[count], kThreads};
}

// Calls f(tensors, their grid, how many elements to move at a time) for tensors of at most kTensors.
template <class T, class F>
void for_tensors(OutList w, InList g, OutList first, OutList second, F f) {
  for (size_t begin = 0; begin < g.size(); begin += kTensors) {
    Tensors<T> t{};
    const size_t count = g.size() - begin < kTensors ? g.size() - begin : kTensors;
    std::vector<const void*> addresses;
    for (size_t i = 0; i < count; ++i) {
      const auto address = [&](auto& list) -> T* {
        return list.empty() ? nullptr : list[begin + i].template data<T>();
      };
      t.w[i] = address(w), t.first[i] = address(first), t.second[i] = address(second);
      t.g[i] = g[begin + i].template data<T>();
      addresses.insert(addresses.end(), {t.w[i], t.first[i], t.second[i], t.g[i]});
      t.size[i] = g[begin + i].numel();
    }
    // Whatever the sizes: what is left of a tensor behind its last vector goes element by element.
    by_vectors<kVector<T>>(0, addresses,
                           [&](auto width) { f(t, give_blocks(t, count, decltype(width)::value), width); });
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

// The tensor that the block works on.
template <class T>
__device__ int tensor_of_block(const Tensors<T>& t) {
  int k = 0;
  while (blockIdx.x >= t.begin[k + 1]) ++k;
  return k;
}

// Calls f(how many elements at a time, as a constant; the first of them) for a thread's share of tensor k, N at a time
// and one at a time behind the last N.
template <int N, class T, class F>
__device__ void each_share(const Tensors<T>& t, int k, F f) {
  const int64_t step = int64_t(t.begin[k + 1] - t.begin[k]) * kThreads;
  const int64_t first = int64_t(blockIdx.x - t.begin[k]) * kThreads + threadIdx.x, vectors = t.size[k] / N;
  for (int64_t i = first; i < vectors; i += step) f(std::integral_constant<int, N>(), i * N);
  for (int64_t i = vectors * N + first; i < t.size[k]; i += step) f(std::integral_constant<int, 1>(), i);
}

struct SgdFactors {
  float momentum, decay;
  bool first;
};

// Sutskever et al. 2013 in torch's form: b = momentum * b + g + weight_decay * w; w -= rate * b.
template <class T, int N>
__global__ void sgd_kernel(Tensors<T> t, Numbers n, SgdFactors f) {
  const int k = tensor_of_block(t);
  const float scale = n.gradient_scale(), rate = float(*n.rate);
  if (scale < 0) return;
  each_share<N>(t, k, [&](auto width, int64_t i) {
    constexpr int M = decltype(width)::value;
    Vector<T, M> w = load_vector<M>(t.w[k] + i), momentum = load_vector<M>(t.first[k] + i);
    const Vector<T, M> g = load_vector<M>(t.g[k] + i);
    for (int l = 0; l < M; ++l) {
      const float old = float(w.lane[l]), d = scale * float(g.lane[l]) + f.decay * old;
      const float b = f.first ? d : f.momentum * float(momentum.lane[l]) + d;
      momentum.lane[l] = T(b);
      w.lane[l] = T(old - rate * b);
    }
    store_vector(t.first[k] + i, momentum);
    store_vector(t.w[k] + i, w);
  });
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
template <class T, int N>
__global__ void adamw_kernel(Tensors<T> t, Numbers n, AdamWStep step) {
  __shared__ AdamWFactors f;  // powers in double: once a block
  const int k = tensor_of_block(t);
  const float scale = n.gradient_scale();
  if (scale < 0) return;
  if (threadIdx.x == 0) f = factors_of(n, step);
  __syncthreads();
  const float old1 = float(step.beta1), new1 = float(1 - step.beta1), epsilon = float(step.epsilon);
  const float old2 = float(step.beta2), new2 = float(1 - step.beta2);
  each_share<N>(t, k, [&](auto width, int64_t i) {
    constexpr int M = decltype(width)::value;
    Vector<T, M> w = load_vector<M>(t.w[k] + i), m = load_vector<M>(t.first[k] + i),
                 v = load_vector<M>(t.second[k] + i);
    const Vector<T, M> g = load_vector<M>(t.g[k] + i);
    for (int l = 0; l < M; ++l) {
      const float d = scale * float(g.lane[l]);
      const float mean = old1 * float(m.lane[l]) + new1 * d;
      const float square = old2 * float(v.lane[l]) + new2 * d * d;
      m.lane[l] = T(mean), v.lane[l] = T(square);
      w.lane[l] = T(f.decay * float(w.lane[l]) - f.rate * mean / (std::sqrt(square) * f.root + epsilon));
    }
    store_vector(t.first[k] + i, m);
    store_vector(t.second[k] + i, v);
    store_vector(t.w[k] + i, w);
  });
}

// A block adds up its share in double.
template <class T, int N>
__global__ void squares_kernel(Tensors<T> t, double* parts) {
  const int k = tensor_of_block(t);
  double sum = 0;
  each_share<N>(t, k, [&](auto width, int64_t i) {
    constexpr int M = decltype(width)::value;
    const Vector<T, M> g = load_vector<M>(t.g[k] + i);
    for (int l = 0; l < M; ++l) sum += double(float(g.lane[l])) * double(float(g.lane[l]));
  });
  sum = block_sum(sum);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(kNormThreads) norm_kernel(int64_t n, const double* parts, float* norm) {
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
    for_tensors<T>(w, g, momentum, {}, [&](const Tensors<T>& tensors, Grid grid, auto width) {
      launch(s, "sgd", grid, sgd_kernel<T, decltype(width)::value>, tensors, Numbers(numbers), factors);
    });
  });
}

void adamw(Stream s, OutList w, InList g, OutList m, OutList v, const StepNumbers& numbers, AdamWStep step) {
  if (w.empty()) return;
  for_float("adamw", w[0].dtype(), [&](auto t) {
    using T = decltype(t);
    for_tensors<T>(w, g, m, v, [&](const Tensors<T>& tensors, Grid grid, auto width) {
      launch(s, "adamw", grid, adamw_kernel<T, decltype(width)::value>, tensors, Numbers(numbers), step);
    });
  });
}

void global_norm(Stream s, InList g, Out norm, Scratch& scratch) {
  int64_t most = 0, begun = 0;
  for (const Tensor& one : g) most += 1 + over(one.numel()).blocks.x;
  double* parts = scratch.take_n<double>(size_t(most));
  if (!g.empty())
    for_float("global_norm", g[0].dtype(), [&](auto t) {
      using T = decltype(t);
      for_tensors<T>({}, g, {}, {}, [&](const Tensors<T>& tensors, Grid grid, auto width) {
        launch(s, "global_norm", grid, squares_kernel<T, decltype(width)::value>, tensors, parts + begun);
        begun += grid.blocks.x;
      });
    });
  launch(s, "global_norm_end", {1, kNormThreads}, norm_kernel, begun, parts, norm.data<float>());
}

}  // namespace sil::SIL_GPU
