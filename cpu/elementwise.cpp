// One element at a time: unary functions, binary ones with broadcasting, ReLU's backward, the test for NaN.
#include <atomic>
#include <cmath>
#include <limits>

#include "cpu/cpu.h"
#include "cpu/dispatch.h"
#include "cpu/loops.h"
#include "tensor/axes.h"

namespace sil::cpu {
namespace {

// Of either sign without overflow.
template <class A>
A logistic(A x) {
  const A e = std::exp(-std::abs(x));
  return (x >= 0 ? A(1) : e) / (1 + e);
}

// Calls f with the function that the value stands for.
template <class A, class F>
void with_unary(Unary op, F f) {
  switch (op) {
    case Unary::neg:
      return f([](A x) { return -x; });
    case Unary::abs:
      return f([](A x) { return std::abs(x); });
    case Unary::exp:
      return f([](A x) { return std::exp(x); });
    case Unary::log:
      return f([](A x) { return std::log(x); });
    case Unary::sqrt:
      return f([](A x) { return std::sqrt(x); });
    case Unary::square:
      return f([](A x) { return x * x; });
    case Unary::reciprocal:
      return f([](A x) { return A(1) / x; });
    case Unary::sigmoid:
      return f([](A x) { return logistic(x); });
    case Unary::relu:
      return f([](A x) { return x < 0 ? A(0) : x; });  // NaN stays
  }
}

template <class A, class F>
void with_binary(Binary op, F f) {
  switch (op) {
    case Binary::add:
      return f([](A a, A b) { return a + b; });
    case Binary::sub:
      return f([](A a, A b) { return a - b; });
    case Binary::mul:
      return f([](A a, A b) { return a * b; });
    case Binary::div:
      return f([](A a, A b) { return a / b; });
    case Binary::min:  // NaN wins, from either side
      return f([](A a, A b) { return a < b || a != a ? a : b; });
    case Binary::max:
      return f([](A a, A b) { return a > b || a != a ? a : b; });
  }
}

// One stretch of the innermost axis; its steps are 0 or 1.
template <class T, class F>
void binary_run(const T* a, bool a_moves, const T* b, bool b_moves, T* y, int64_t n, F f) {
  using A = Compute<T>;
  if (a_moves && b_moves) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) put(y[i], f(A(a[i]), A(b[i])));
  } else if (a_moves) {
    const A fixed = A(*b);
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) put(y[i], f(A(a[i]), fixed));
  } else if (b_moves) {
    const A fixed = A(*a);
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) put(y[i], f(fixed, A(b[i])));
  } else {
    std::fill_n(y, n, T(f(A(*a), A(*b))));
  }
}

template <class T, class F>
void binary_loop(const T* a, const T* b, T* y, int64_t n, const BroadcastAxes& axes, F f) {
  const int64_t inner = axes.extent[0];
  parallel_for(n, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end;) {
      int64_t row = i / inner, at = i % inner, a_offset = at * axes.a[0], b_offset = at * axes.b[0];
      for (int k = 1; k < axes.rank; ++k) {
        a_offset += row % axes.extent[k] * axes.a[k];
        b_offset += row % axes.extent[k] * axes.b[k];
        row /= axes.extent[k];
      }
      const int64_t run = std::min(inner - at, end - i);
      binary_run(a + a_offset, axes.a[0] != 0, b + b_offset, axes.b[0] != 0, y + i, run, f);
      i += run;
    }
  });
}

}  // namespace

void unary(Stream, Unary op, In x, Out y) {
  for_float(x.dtype(), [&](auto t) {
    using T = decltype(t);
    using A = Compute<T>;
    const T* a = x.data<T>();
    T* b = y.data<T>();
    with_unary<A>(op, [&](auto f) { each(x.numel(), [=](int64_t i) { put(b[i], f(A(a[i]))); }); });
  });
}

void binary(Stream, Binary op, In a, In b, Out y) {
  const BroadcastAxes axes = broadcast_axes(a.shape(), b.shape(), y.shape());
  for_float(y.dtype(), [&](auto t) {
    using T = decltype(t);
    with_binary<Compute<T>>(op,
                            [&](auto f) { binary_loop(a.data<T>(), b.data<T>(), y.data<T>(), y.numel(), axes, f); });
  });
}

void relu_backward(Stream, In dy, In more, In y, Out dx) {
  for_float(y.dtype(), [&](auto t) {
    using T = decltype(t);
    using A = Compute<T>;
    const T *g = dy.data<T>(), *out = y.data<T>();
    T* d = dx.data<T>();
    if (!more.defined()) return each(y.numel(), [=](int64_t i) { put(d[i], A(out[i]) > 0 ? A(g[i]) : 0); });
    const T* h = more.data<T>();
    each(y.numel(), [=](int64_t i) { put(d[i], A(out[i]) > 0 ? A(g[i]) + A(h[i]) : 0); });
  });
}

void all_finite(Stream, In x, Out ok) {
  std::atomic<bool> finite = true;
  for_float(x.dtype(), [&](auto t) {
    using T = decltype(t);
    using A = Compute<T>;
    const T* a = x.data<T>();
    parallel_for(x.numel(), kGrain, [&](int64_t begin, int64_t end) {
      int bad = 0;
#pragma omp simd reduction(| : bad)
      for (int64_t i = begin; i < end; ++i) bad |= !(std::abs(A(a[i])) <= std::numeric_limits<A>::max());
      if (bad) finite = false;
    });
  });
  *ok.data<int32_t>() = finite;
}

}  // namespace sil::cpu
