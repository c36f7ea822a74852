// Sums, means and maxima over axes.  Accumulated in double, in an order that depends on the shape alone.
#include <cmath>
#include <limits>

#include "cpu/cpu.h"
#include "cpu/dispatch.h"
#include "cpu/loops.h"
#include "tensor/axes.h"

namespace sil::cpu {
namespace {

double larger(double a, double b) { return b > a || b != b ? b : a; }  // NaN wins

// out[c] = sum or maximum of `rows` rows of x, `step` elements apart.
template <class T>
void fold_rows(bool max, const T* x, int64_t rows, int64_t step, int64_t columns, double* out) {
  using A = Compute<T>;
  for (int64_t c = 0; c < columns; ++c) out[c] = max ? -std::numeric_limits<double>::infinity() : 0;
  for (int64_t r = 0; r < rows; ++r) {
    const T* row = x + r * step;
    if (max) {
#pragma omp simd
      for (int64_t c = 0; c < columns; ++c) out[c] = larger(out[c], double(A(row[c])));
    } else {
#pragma omp simd
      for (int64_t c = 0; c < columns; ++c) out[c] += double(A(row[c]));
    }
  }
}

// The sum or maximum of n neighbours.
template <class T>
double fold_run(bool max, const T* x, int64_t n) {
  using A = Compute<T>;
  if (max) {
    double m = -std::numeric_limits<double>::infinity();
    for (int64_t i = 0; i < n; ++i) m = larger(m, double(A(x[i])));
    return m;
  }
  double s = 0;
#pragma omp simd reduction(+ : s)
  for (int64_t i = 0; i < n; ++i) s += double(A(x[i]));
  return s;
}

// x [outer, rows, inner] -> out [outer, inner].  Rows go in stretches of fixed length, so that a long sum of few
// columns (a bias gradient) has work for every thread and the same bits with any number of them.
template <class T>
void fold(bool max, const T* x, int64_t outer, int64_t rows, int64_t inner, double* out, Scratch& scratch) {
  constexpr int64_t kColumns = 256;
  const int64_t stretch = std::max<int64_t>(1, kGrain / std::min(std::max<int64_t>(inner, 1), kColumns));
  const int64_t stretches = std::max<int64_t>(1, (rows + stretch - 1) / stretch);
  const int64_t blocks = (inner + kColumns - 1) / kColumns;
  double* partial = stretches == 1 ? out : scratch.take_n<double>(size_t(outer * stretches * inner));
  const int64_t tasks = outer * stretches * blocks;
  const int64_t work = std::min(stretch, std::max<int64_t>(rows, 1)) * std::min(std::max<int64_t>(inner, 1), kColumns);
  parallel_for(tasks, kGrain / work + 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t part = task / blocks, column = task % blocks * kColumns;
      const int64_t o = part / stretches, row = part % stretches * stretch;
      const int64_t n = std::min(stretch, rows - row), columns = std::min(kColumns, inner - column);
      const T* from = x + (o * rows + row) * inner + column;
      double* to = partial + part * inner + column;
      if (inner == 1)
        *to = fold_run(max, from, n);
      else
        fold_rows(max, from, n, inner, columns, to);
    }
  });
  if (stretches > 1)
    for (int64_t o = 0; o < outer; ++o)
      fold_rows(max, partial + o * stretches * inner, stretches, inner, inner, out + o * inner);
}

}  // namespace

void reduce(Stream, Reduce op, In x, unsigned axes, Out y, Scratch& scratch) {
  const bool max = op == Reduce::max;
  AxisGroups g = group_axes(x.shape(), axes);
  const double count = y.numel() ? double(x.numel()) / double(y.numel()) : 1;
  for_float(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const double* folded = nullptr;
    // The last reduced group goes first: [.., rows, inner] -> [.., inner], which may join the group before it.
    for (bool first = true; first || g.count > 1; first = false) {
      const int64_t inner = g.count % 2 ? g.extent[g.count - 1] : 1;
      const int last = g.count % 2 ? g.count - 2 : g.count - 1;  // the reduced group; -1: there is none
      const int64_t rows = last < 0 ? 1 : g.extent[last];
      int64_t outer = 1;
      for (int i = 0; i < last; ++i) outer *= g.extent[i];
      double* out = scratch.take_n<double>(size_t(outer * inner));
      if (folded)
        fold(max, folded, outer, rows, inner, out, scratch);
      else
        fold(max, x.data<T>(), outer, rows, inner, out, scratch);
      folded = out;
      if (last < 0) break;
      g.extent[last - 1] *= inner;
      g.count = last;
    }
    T* to = y.data<T>();
    const double divisor = op == Reduce::mean ? count : 1;
    each(y.numel(), [=](int64_t i) { put(to[i], Compute<T>(folded[i] / divisor)); });
  });
}

}  // namespace sil::cpu
