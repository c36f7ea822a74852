// Element by element: unary functions, binary ones with broadcasting, ReLU's backward, the test for NaN.
// Bound by memory: bytes are those of the arguments and the result, each once; a FLOP or a few a element.
#include <cmath>
#include <limits>

#include "cuda/block.h"
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "cuda/map.h"
#include "tensor/axes.h"

namespace sil::SIL_GPU {
namespace {

// Of either sign without overflow.
__device__ inline float logistic(float x) {
  const float e = std::exp(-std::abs(x));
  return (x >= 0 ? 1.0f : e) / (1 + e);
}

__device__ inline float apply(Unary op, float x) {
  switch (op) {
    case Unary::neg:
      return -x;
    case Unary::abs:
      return std::abs(x);
    case Unary::exp:
      return std::exp(x);
    case Unary::log:
      return std::log(x);
    case Unary::sqrt:
      return std::sqrt(x);
    case Unary::square:
      return x * x;
    case Unary::reciprocal:
      return 1.0f / x;
    case Unary::sigmoid:
      return logistic(x);
    case Unary::relu:
      return x < 0 ? 0.0f : x;  // NaN stays
  }
  return x;
}

__device__ inline float apply(Binary op, float a, float b) {
  switch (op) {
    case Binary::add:
      return a + b;
    case Binary::sub:
      return a - b;
    case Binary::mul:
      return a * b;
    case Binary::div:
      return a / b;
    case Binary::min:  // NaN wins, from either side
      return a < b || a != a ? a : b;
    case Binary::max:
      return a > b || a != a ? a : b;
  }
  return a;
}

template <class T>
struct UnaryOf {
  Unary op;
  __device__ T operator()(T x) const { return T(apply(op, float(x))); }
};

template <class T>
struct BinaryOf {
  Binary op;
  __device__ T operator()(T a, T b) const { return T(apply(op, float(a), float(b))); }
};

template <class T>
struct WherePositive {
  __device__ T operator()(T dy, T y) const { return float(y) > 0 ? dy : T(0.0f); }
  __device__ T operator()(T dy, T more, T y) const { return T(float(y) > 0 ? float(dy) + float(more) : 0.0f); }
};

// An argument of a binary map [rows, columns]: how far it is from row to row, and whether it has columns or one value
// for all of them.
template <class T>
struct Rows {
  const T* first;
  int64_t step;
  bool has_columns;

  template <int N>
  __device__ Vector<T, N> load(int64_t row, int64_t vector) const {
    const T* p = first + row * step;
    if (has_columns) return load_vector<N>(p + vector * N);
    Vector<T, N> all;
    for (int k = 0; k < N; ++k) all.lane[k] = *p;
    return all;
  }
};

template <class T, int N>
__global__ void binary_rows_kernel(BinaryOf<T> f, int64_t rows, int64_t vectors, Rows<T> a, Rows<T> b, T* y) {
  const int64_t c = column();
  if (c >= vectors) return;
  for (int64_t r = first_row(); r < rows; r += row_step())
    store_vector(y + (r * vectors + c) * N, map_lanes<T, N>(f, a.template load<N>(r, c), b.template load<N>(r, c)));
}

template <class T>
void binary_rows(Stream s, BinaryOf<T> f, const BroadcastAxes& axes, const T* a, const T* b, T* y) {
  const int64_t columns = axes.extent[0], rows = axes.rank == 2 ? axes.extent[1] : 1;
  const Rows<T> from_a{a, axes.rank == 2 ? axes.a[1] : 0, axes.a[0] != 0};
  const Rows<T> from_b{b, axes.rank == 2 ? axes.b[1] : 0, axes.b[0] != 0};
  const void* in_a = from_a.has_columns ? a : nullptr;  // else read one at a time
  by_vectors<kVector<T>>(columns, {in_a, from_b.has_columns ? b : nullptr, y}, [&](auto width) {
    constexpr int N = decltype(width)::value;
    launch(s, "binary", over_rows(rows, columns / N), binary_rows_kernel<T, N>, f, rows, columns / N, from_a, from_b,
           y);
  });
}

// Of any axes: a division for each of them and each element.
template <class T>
__global__ void binary_axes_kernel(BinaryOf<T> f, int64_t n, BroadcastAxes axes, const T* a, const T* b, T* y) {
  for (int64_t i = thread_index(); i < n; i += thread_count()) {
    int64_t rest = i, a_at = 0, b_at = 0;
    for (int k = 0; k < axes.rank; ++k) {
      const int64_t at = rest % axes.extent[k];
      rest /= axes.extent[k];
      a_at += at * axes.a[k], b_at += at * axes.b[k];
    }
    y[i] = f(a[a_at], b[b_at]);
  }
}

__global__ void set_one(int32_t* ok) { *ok = 1; }

template <class T>
__global__ void all_finite_kernel(int64_t n, const T* x, int32_t* ok) {
  for (int64_t i = thread_index(); i < n; i += thread_count())
    if (!(std::abs(float(x[i])) <= std::numeric_limits<float>::max())) atomicAnd(ok, 0);
}

}  // namespace

void unary(Stream s, Unary op, In x, Out y) {
  for_float("unary", x.dtype(), [&](auto t) {
    using T = decltype(t);
    map(s, "unary", x.numel(), UnaryOf<T>{op}, y.data<T>(), x.data<T>());
  });
}

void binary(Stream s, Binary op, In a, In b, Out y) {
  for_float("binary", y.dtype(), [&](auto t) {
    using T = decltype(t);
    const BinaryOf<T> f{op};
    if (a.shape() == b.shape()) return map(s, "binary", y.numel(), f, y.data<T>(), a.data<T>(), b.data<T>());
    const BroadcastAxes axes = broadcast_axes(a.shape(), b.shape(), y.shape());
    if (axes.rank <= 2) return binary_rows(s, f, axes, a.data<T>(), b.data<T>(), y.data<T>());
    launch(s, "binary", over(y.numel()), binary_axes_kernel<T>, f, y.numel(), axes, a.data<T>(), b.data<T>(),
           y.data<T>());
  });
}

void relu_backward(Stream s, In dy, In more, In y, Out dx) {
  for_float("relu_backward", y.dtype(), [&](auto t) {
    using T = decltype(t);
    const T *from = dy.data<T>(), *at = y.data<T>();
    if (more.defined())
      map(s, "relu_backward", y.numel(), WherePositive<T>(), dx.data<T>(), from, more.data<T>(), at);
    else
      map(s, "relu_backward", y.numel(), WherePositive<T>(), dx.data<T>(), from, at);
  });
}

void all_finite(Stream s, In x, Out ok) {
  launch(s, "all_finite_begin", {1, 1}, set_one, ok.data<int32_t>());
  for_float("all_finite", x.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(s, "all_finite", over(x.numel()), all_finite_kernel<T>, x.numel(), x.data<T>(), ok.data<int32_t>());
  });
}

}  // namespace sil::SIL_GPU
