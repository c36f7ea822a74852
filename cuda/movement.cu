// Moving elements: blocks along an axis, permuted axes, rows by index.  bytes: what moves is read once and written
// once, rows' indices are read too; a permutation writes in order and reads in strides.  No FLOP.
#include <numeric>

#include "cuda/block.h"
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "cuda/vector.h"

namespace sil::SIL_GPU {
namespace {

// Rows of `columns` vectors, x_step and y_step elements apart.
template <class T, int N>
__global__ void copy_runs(int64_t rows, int64_t columns, const T* x, int64_t x_step, T* y, int64_t y_step) {
  const int64_t c = column() * N;
  if (column() >= columns) return;
  for (int64_t r = first_row(); r < rows; r += row_step())
    store_vector(y + r * y_step + c, load_vector<N>(x + r * x_step + c));
}

// Extents of y and the steps of x along y's axes, innermost first.
struct Steps {
  int rank;
  int64_t extent[Shape::kMaxRank], step[Shape::kMaxRank];
};

template <class T>
__global__ void permute_kernel(int64_t n, Steps steps, const T* x, T* y) {
  for (int64_t i = thread_index(); i < n; i += thread_count()) {
    int64_t rest = i, at = 0;
    for (int k = 0; k < steps.rank; ++k) {
      at += rest % steps.extent[k] * steps.step[k];
      rest /= steps.extent[k];
    }
    y[i] = x[at];
  }
}

template <class T, int N>
__global__ void gather_rows_kernel(int64_t rows, int64_t columns, const T* x, const int32_t* index, T* y) {
  if (column() >= columns) return;
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    Vector<T, N> v{};
    if (const int64_t from = index[r]; from >= 0) v = load_vector<N>(x + (from * columns + column()) * N);
    store_vector(y + (r * columns + column()) * N, v);
  }
}

// A block owns an index, the first of its value; its threads own the columns: it looks for the rows of dy that go
// there, a block's worth of indices at a time, and adds them in their order.  So no sum has two writers, each has one
// order, and is rounded once.  M^2 comparisons for M indices: few of many rows are what gradients of samples go to.
template <class T>
__global__ void scatter_add_rows_kernel(int64_t targets, int64_t columns, const T* dy, const int32_t* index, T* x) {
  __shared__ int32_t found[kThreads];
  const int32_t target = index[blockIdx.x];
  if (target < 0) return;
  int earlier = 0;
  for (int64_t m = threadIdx.x; m < blockIdx.x; m += kThreads) earlier += index[m] == target;
  if (block_sum(earlier) > 0) return;
  T* row = x + target * columns;
  for (int64_t first = 0; first < columns; first += kThreads) {
    const int64_t c = first + threadIdx.x;
    float sum = c < columns ? float(row[c]) : 0;
    for (int64_t begin = blockIdx.x; begin < targets; begin += kThreads) {
      const int64_t m = begin + threadIdx.x;
      const bool mine = m < targets && index[m] == target;
      int count;
      const int place = block_scan(mine, count);
      if (mine) found[place] = int32_t(m);
      __syncthreads();
      for (int k = 0; c < columns && k < count; ++k) sum += float(dy[found[k] * columns + c]);
    }  // block_scan waits until all have read
    if (c < columns) row[c] = T(sum);
  }
}

}  // namespace

void copy_block(Stream s, In x, int64_t x_begin, Out y, int64_t y_begin, int64_t count, int axis) {
  const int64_t outer = x.shape().numel(0, axis), inner = x.shape().numel(axis + 1, x.rank());
  const int64_t run = count * inner, x_step = x.dim(axis) * inner, y_step = y.dim(axis) * inner;
  for_size(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const T* from = static_cast<const T*>(x.raw()) + x_begin * inner;
    T* to = static_cast<T*>(y.raw()) + y_begin * inner;
    by_vectors<kVector<T>>(std::gcd(run, std::gcd(x_step, y_step)), {from, to}, [&](auto width) {
      constexpr int N = decltype(width)::value;
      launch(s, "copy_block", over_rows(outer, run / N), copy_runs<T, N>, outer, run / N, from, x_step, to, y_step);
    });
  });
}

void permute(Stream s, In x, std::span<const int> perm, Out y) {
  Steps steps{y.rank(), {}, {}};
  for (int i = 0; i < y.rank(); ++i) {
    steps.extent[y.rank() - 1 - i] = y.dim(i);
    steps.step[y.rank() - 1 - i] = x.shape().numel(perm[size_t(i)] + 1, x.rank());
  }
  for_size(x.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(s, "permute", over(y.numel()), permute_kernel<T>, y.numel(), steps, static_cast<const T*>(x.raw()),
           static_cast<T*>(y.raw()));
  });
}

void gather_rows(Stream s, In x, In index, Out y) {
  const int64_t columns = x.shape().numel(1, x.rank()), rows = index.numel();
  for_size(x.dtype(), [&](auto t) {
    using T = decltype(t);
    by_vectors<kVector<T>>(columns, {x.raw(), y.raw()}, [&](auto width) {
      constexpr int N = decltype(width)::value;
      launch(s, "gather_rows", over_rows(rows, columns / N), gather_rows_kernel<T, N>, rows, columns / N,
             static_cast<const T*>(x.raw()), index.data<int32_t>(), static_cast<T*>(y.raw()));
    });
  });
}

void scatter_add_rows(Stream s, In dy, In index, Out x, Scratch&) {
  const int64_t columns = x.shape().numel(1, x.rank());
  for_float("scatter_add_rows", x.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(s, "scatter_add_rows", {dim3(unsigned(index.numel())), kThreads}, scatter_add_rows_kernel<T>, index.numel(),
           columns, dy.data<T>(), index.data<int32_t>(), x.data<T>());
  });
}

}  // namespace sil::SIL_GPU
