// Sums, means and maxima over axes, accumulated in double in an order that depends on the shape alone.
// x is [outer, rows, inner]: a thread folds a stretch of rows of a few columns (neighbouring threads read neighbouring
// columns); where inner is 1, a block folds a stretch.  Stretches are folded again until one is left.
// bytes: x once, and 8 for each stretch of 64 rows; FLOP: one a element.
#include <limits>

#include "cuda/block.h"
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "cuda/vector.h"
#include "tensor/axes.h"

namespace sil::SIL_GPU {
namespace {

constexpr int64_t kColumnStretch = 64, kRunStretch = 4096;

struct Fold {
  bool max;
  __device__ double begin() const { return max ? -std::numeric_limits<double>::infinity() : 0; }
  __device__ double operator()(double a, double b) const {
    if (!max) return a + b;
    return b > a || b != b ? b : a;  // NaN wins
  }
};

__device__ inline double wide(double x) { return x; }
template <class T>
__device__ double wide(T x) {
  return double(float(x));
}

// A thread has N columns; `inner` counts them all.
template <class T, int N>
__global__ void fold_columns(Fold f, const T* x, int64_t outer, int64_t rows, int64_t inner, int64_t stretches,
                             double* out) {
  const int64_t vectors = inner / N;
  for (int64_t i = thread_index(); i < outer * stretches * vectors; i += thread_count()) {
    const int64_t c = i % vectors * N, part = i / vectors, o = part / stretches;
    const int64_t begin = part % stretches * kColumnStretch, end = smaller(begin + kColumnStretch, rows);
    double v[N];
    for (int k = 0; k < N; ++k) v[k] = f.begin();
    for (int64_t r = begin; r < end; ++r) {
      const Vector<T, N> more = load_vector<N>(x + (o * rows + r) * inner + c);
      for (int k = 0; k < N; ++k) v[k] = f(v[k], wide(more.lane[k]));
    }
    for (int k = 0; k < N; ++k) out[part * inner + c + k] = v[k];
  }
}

template <class T>
__global__ void fold_runs(Fold f, const T* x, int64_t rows, int64_t stretches, int64_t parts, double* out) {
  for (int64_t part = blockIdx.x; part < parts; part += gridDim.x) {
    const int64_t o = part / stretches, begin = part % stretches * kRunStretch;
    const int64_t end = smaller(begin + kRunStretch, rows);
    double v = f.begin();
    for (int64_t r = begin + threadIdx.x; r < end; r += blockDim.x) v = f(v, wide(x[o * rows + r]));
    v = block_fold(v, f);
    if (threadIdx.x == 0) out[part] = v;
  }
}

// x [outer, rows, inner] -> [outer, inner].
template <class T>
const double* fold(Stream s, Fold f, const T* x, int64_t outer, int64_t rows, int64_t inner, Scratch& scratch) {
  const int64_t stretch = inner == 1 ? kRunStretch : kColumnStretch;
  const int64_t stretches = rows > stretch ? divide_up(rows, stretch) : 1, parts = outer * stretches;
  double* out = scratch.take_n<double>(size_t(parts * inner));
  if (inner == 1)
    launch(s, "reduce_runs", over(parts * kThreads), fold_runs<T>, f, x, rows, stretches, parts, out);
  else
    by_vectors<kVector<T>>(inner, {x}, [&](auto width) {
      constexpr int N = decltype(width)::value;
      launch(s, "reduce_columns", over(parts * inner / N), fold_columns<T, N>, f, x, outer, rows, inner, stretches,
             out);
    });
  return stretches == 1 ? out : fold(s, f, static_cast<const double*>(out), outer, stretches, inner, scratch);
}

template <class T>
__global__ void divide_kernel(int64_t n, const double* x, double divisor, T* y) {
  for (int64_t i = thread_index(); i < n; i += thread_count()) y[i] = T(float(x[i] / divisor));
}

}  // namespace

void reduce(Stream s, Reduce op, In x, unsigned axes, Out y, Scratch& scratch) {
  const Fold f{op == Reduce::max};
  AxisGroups g = group_axes(x.shape(), axes);
  const double count = y.numel() ? double(x.numel()) / double(y.numel()) : 1;
  for_float("reduce", x.dtype(), [&](auto t) {
    using T = decltype(t);
    const double* folded = nullptr;
    // The last reduced group goes first: [.., rows, inner] -> [.., inner], which may join the group before it.
    for (bool first = true; first || g.count > 1; first = false) {
      const int64_t inner = g.count % 2 ? g.extent[g.count - 1] : 1;
      const int last = g.count % 2 ? g.count - 2 : g.count - 1;  // the reduced group; -1: there is none
      const int64_t rows = last < 0 ? 1 : g.extent[last];
      int64_t outer = 1;
      for (int i = 0; i < last; ++i) outer *= g.extent[i];
      folded = folded ? fold(s, f, folded, outer, rows, inner, scratch)
                      : fold(s, f, static_cast<const T*>(x.data<T>()), outer, rows, inner, scratch);
      if (last < 0) break;
      g.extent[last - 1] *= inner;
      g.count = last;
    }
    launch(s, "reduce_end", over(y.numel()), divide_kernel<T>, y.numel(), folded, op == Reduce::mean ? count : 1.0,
           y.data<T>());
  });
}

}  // namespace sil::SIL_GPU
