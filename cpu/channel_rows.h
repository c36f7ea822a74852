// Loops over rows of channels, x [rows, channels], that batch norm and group norm are made of.  Channels are innermost,
// so every loop is a vector loop; sums are kept in double, which costs nothing where memory is the limit.
#pragma once
#include <algorithm>

#include "cpu/dispatch.h"
#include "tensor/threads.h"

namespace sil::cpu {

// Two sums per channel.
struct ChannelSums {
  double *first, *second;
};

// Into how many parts rows are cut for a sum: it follows from rows and threads() alone, and so does the sum's order.
inline int64_t row_parts(int64_t rows) { return std::max<int64_t>(1, std::min<int64_t>(threads(), rows / 64)); }
// How many doubles sum_rows needs; the result comes first.
inline int64_t row_sum_space(int64_t rows, int64_t channels) { return row_parts(rows) * 2 * channels; }

// add(row, sums) adds one row to a part's sums.
template <class Add>
ChannelSums sum_rows(int64_t rows, int64_t channels, double* space, Add add) {
  const int64_t parts = row_parts(rows), size = 2 * channels;
  parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      double* own = space + part * size;
      std::fill_n(own, size, 0.0);
      for (int64_t r = rows * part / parts; r < rows * (part + 1) / parts; ++r)
        add(r, ChannelSums{own, own + channels});
    }
  });
  for (int64_t part = 1; part < parts; ++part)
    for (int64_t i = 0; i < size; ++i) space[i] += space[part * size + i];
  return {space, space + channels};
}

// Sums of x and of its square.
template <class T>
ChannelSums sum_moments(const T* x, int64_t rows, int64_t channels, double* space) {
  return sum_rows(rows, channels, space, [&](int64_t r, ChannelSums s) {
    const T* row = x + r * channels;
    double *sum = s.first, *squares = s.second;
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) {
      const double v = double(Compute<T>(row[c]));
      sum[c] += v;
      squares[c] += v * v;
    }
  });
}

// Sums of dy and of dy * (x - mean).
template <class T>
ChannelSums sum_products(const T* dy, const T* x, const Compute<T>* mean, int64_t rows, int64_t channels,
                         double* space) {
  using A = Compute<T>;
  return sum_rows(rows, channels, space, [&](int64_t r, ChannelSums s) {
    const T *dy_row = dy + r * channels, *x_row = x + r * channels;
    double *sum = s.first, *products = s.second;
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) {
      const double d = double(A(dy_row[c]));
      sum[c] += d;
      products[c] += d * double(A(x_row[c]) - mean[c]);
    }
  });
}

// y = (x - mean) * factor + shift.
template <class T>
void normalise_rows(const T* x, const Compute<T>* mean, const Compute<T>* factor, const Compute<T>* shift, int64_t rows,
                    int64_t channels, T* y) {
  parallel_for(rows, 64, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const T* x_row = x + r * channels;
      T* y_row = y + r * channels;
#pragma omp simd
      for (int64_t c = 0; c < channels; ++c) put(y_row[c], (Compute<T>(x_row[c]) - mean[c]) * factor[c] + shift[c]);
    }
  });
}

// dx = a * dy + b * (x - mean) + c: the gradient of every norm has this form.
template <class T>
struct NormGradient {
  using A = Compute<T>;
  A *mean, *a, *b, *c;

  NormGradient(A* space, int64_t channels)
      : mean(space), a(space + channels), b(space + 2 * channels), c(space + 3 * channels) {}

  void apply(const T* dy, const T* x, int64_t rows, int64_t channels, T* dx) const {
    parallel_for(rows, 64, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const T *dy_row = dy + r * channels, *x_row = x + r * channels;
        T* dx_row = dx + r * channels;
#pragma omp simd
        for (int64_t i = 0; i < channels; ++i)
          put(dx_row[i], a[i] * A(dy_row[i]) + (b[i] * (A(x_row[i]) - mean[i]) + c[i]));
      }
    });
  }
};

}  // namespace sil::cpu
