// The losses and, in the same pass, their gradients (the mask loss's: its one class's).  Rows that take part are
// counted on the device; each row or block leaves its part of the sum, and one block adds the parts, in double and in
// one order. bytes: the arguments once and the gradient once.  FLOP: some 20 an element that takes part.
//
// The mask loss, whose gradient is zero but for one class, gathers that class's logits and makes the targets where it
// needs them: neither targets nor all classes' gradients exist in between.  bytes, forward: a sector of 32 for each of
// the R M^2 logits of a label, and 4 R M^2 out; backward: 4 R M^2 in, the gradient out once, 4 R M^2 K.
// Ladder: bench/kernels/mask_loss.cu
#include <cmath>

#include "cuda/block.h"
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "cuda/mask_targets.h"
#include "cuda/vector.h"

namespace sil::SIL_GPU {
namespace {

constexpr int kSumThreads = 1024;  // of the one block that ends a sum

// 1 / (rows that take part * `elements`); 0 for none, so that no rows give no loss and no gradient.
__global__ void __launch_bounds__(kSumThreads)
    share_of_labels(int64_t rows, const int32_t* labels, double elements, double* share) {
  int count = 0;
  for (int64_t r = threadIdx.x; r < rows; r += blockDim.x) count += labels[r] >= 0;
  count = block_sum(count);
  if (threadIdx.x == 0) *share = count > 0 ? 1 / (double(count) * elements) : 0;
}

template <class T>
__global__ void share_of_denominator(const T* denominator, double* share) {
  const float d = float(*denominator);
  *share = d > 0 ? 1 / double(d) : 0;
}

template <class T>
__global__ void __launch_bounds__(kSumThreads) add_parts(int64_t n, const double* parts, const double* share, T* loss) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += blockDim.x) sum += parts[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *loss = T(float(sum * *share));
}

// -log sigmoid(x) * t - log(1 - sigmoid(x)) * (1 - t), without overflow.
__device__ inline float cross_entropy(float x, float t) {
  return (x > 0 ? x : 0.0f) - x * t + std::log1p(std::exp(-std::abs(x)));
}
__device__ inline float cross_entropy_slope(float x, float t) {
  const float e = std::exp(-std::abs(x));
  return (x >= 0 ? 1.0f : e) / (1 + e) - t;
}

struct Larger {
  __device__ float operator()(float a, float b) const { return a < b ? b : a; }
};

// A warp's row: its maximum and the sum of exp(x - maximum).
struct Exponentials {
  float top, sum;
};
template <class T>
__device__ Exponentials exponentials(const T* x, int64_t columns) {
  float top = -INFINITY, sum = 0;
  for (int64_t c = threadIdx.x % kWarp; c < columns; c += kWarp) top = Larger()(top, float(x[c]));
  top = warp_fold(top, Larger());
  for (int64_t c = threadIdx.x % kWarp; c < columns; c += kWarp) sum += std::exp(float(x[c]) - top);
  return {top, warp_fold(sum, Sum())};
}

template <class T>
__global__ void softmax_kernel(int64_t rows, int64_t columns, const T* x, T* y) {
  for (int64_t r = thread_index() / kWarp; r < rows; r += thread_count() / kWarp) {
    const Exponentials e = exponentials(x + r * columns, columns);
    for (int64_t c = threadIdx.x % kWarp; c < columns; c += kWarp)
      y[r * columns + c] = T(std::exp(float(x[r * columns + c]) - e.top) / e.sum);
  }
}

// -log softmax(x)_l = log(sum exp x) - x_l; d/dx = softmax(x) - onehot(l).  A warp a row.
template <class T>
__global__ void softmax_cross_entropy_kernel(int64_t rows, int64_t columns, const T* logits, const int32_t* labels,
                                             const double* share, double* parts, T* dlogits) {
  for (int64_t r = thread_index() / kWarp; r < rows; r += thread_count() / kWarp) {
    const T* x = logits + r * columns;
    const int32_t label = labels[r];
    const Exponentials e = exponentials(x, columns);
    for (int64_t c = threadIdx.x % kWarp; c < columns; c += kWarp) {
      const float slope = std::exp(float(x[c]) - e.top) / e.sum - float(c == label);
      dlogits[r * columns + c] = label < 0 ? T(0.0f) : T(slope * float(*share));
    }
    if (threadIdx.x % kWarp == 0) parts[r] = label < 0 ? 0 : double(std::log(e.sum) + e.top - float(x[label]));
  }
}

template <class T>
__global__ void sigmoid_bce_kernel(int64_t rows, const T* logits, const int32_t* labels, const double* share,
                                   double* parts, T* dlogits) {
  double sum = 0;
  for (int64_t r = thread_index(); r < rows; r += thread_count()) {
    const float x = float(logits[r]), t = float(labels[r]);
    const bool part = labels[r] >= 0;
    dlogits[r] = part ? T(cross_entropy_slope(x, t) * float(*share)) : T(0.0f);
    if (part) sum += double(cross_entropy(x, t));
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

// |e| < beta: e^2 / (2 beta); else |e| - beta / 2
template <class T>
__global__ void smooth_l1_kernel(int64_t rows, int64_t columns, const T* x, const T* target, const int32_t* labels,
                                 float beta, const double* share, double* parts, T* dx) {
  double sum = 0;
  for (int64_t r = thread_index(); r < rows; r += thread_count()) {
    const bool part = labels[r] >= 0;
    for (int64_t i = r * columns; i < (r + 1) * columns; ++i) {
      dx[i] = T(0.0f);
      if (!part) continue;
      const float e = float(x[i]) - float(target[i]), size = std::abs(e);
      sum += double(size < beta ? e * e / (2 * beta) : size - beta / 2);
      dx[i] = T(float(*share) * (size < beta ? e / beta : float(e > 0) - float(e < 0)));
    }
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

// A thread an element of slope [R, side, side].
template <class T>
__global__ void mask_loss_kernel(int64_t n, int side, int64_t classes, const T* logits, const int32_t* labels,
                                 const float* rois, const int32_t* object, Masks masks, const double* share,
                                 double* parts, float* slope) {
  double sum = 0;
  for (int64_t e = thread_index(); e < n; e += thread_count()) {
    const int64_t r = e / side / side;
    const int32_t label = labels[r];
    slope[e] = 0;
    if (label < 0) continue;
    const float target =
        mask_target(masks, object[r], load_box<float>(rois + 4 * r), side, int(e / side % side), int(e % side));
    const float x = float(logits[e * classes + label]);
    sum += double(cross_entropy(x, target));
    slope[e] = cross_entropy_slope(x, target) * float(*share);
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

// A block the gradients of kPixels pixels: zeros, 16 bytes at a time, then the labels' own.
constexpr int kPixels = 64;
template <class T>
__global__ void mask_loss_backward_kernel(int64_t pixels, int64_t of_row, int64_t classes, const float* dy,
                                          const float* slope, const int32_t* labels, T* dlogits) {
  const int64_t first = int64_t(blockIdx.x) * kPixels, count = smaller(pixels - first, kPixels);
  T* mine = dlogits + first * classes;  // a multiple of 16 bytes from the start: 64 pixels are
  const int64_t vectors = count * classes / kVector<T>;
  for (int64_t v = threadIdx.x; v < vectors; v += blockDim.x) store_vector(mine + v * kVector<T>, Vector<T>{});
  for (int64_t i = vectors * kVector<T> + threadIdx.x; i < count * classes; i += blockDim.x) mine[i] = T(0.0f);
  __syncthreads();
  if (threadIdx.x >= count) return;
  const int64_t p = first + threadIdx.x;
  if (const int32_t label = labels[p / of_row]; label >= 0) mine[threadIdx.x * classes + label] = T(slope[p] * *dy);
}

double* share_of(Stream s, In labels, double elements, Scratch& scratch) {
  double* share = scratch.take_n<double>(1);
  launch(s, "loss_rows", {1, kSumThreads}, share_of_labels, labels.numel(), labels.data<int32_t>(), elements, share);
  return share;
}

}  // namespace

void softmax(Stream s, In x, Out y) {
  if (x.numel() == 0) return;
  const int64_t columns = x.dim(-1), rows = x.numel() / columns;
  for_float("softmax", x.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(s, "softmax", over(rows * kWarp), softmax_kernel<T>, rows, columns, x.data<T>(), y.data<T>());
  });
}

void softmax_cross_entropy(Stream s, In logits, In labels, Out loss, Out dlogits, Scratch& scratch) {
  const int64_t rows = logits.dim(0), columns = logits.dim(1);
  const double* share = share_of(s, labels, 1, scratch);
  double* parts = scratch.take_n<double>(size_t(rows));
  for_float("softmax_cross_entropy", logits.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(s, "softmax_cross_entropy", over(rows * kWarp), softmax_cross_entropy_kernel<T>, rows, columns,
           logits.data<T>(), labels.data<int32_t>(), share, parts, dlogits.data<T>());
    launch(s, "loss_sum", {1, kSumThreads}, add_parts<T>, rows, parts, share, loss.data<T>());
  });
}

void sigmoid_bce(Stream s, In logits, In labels, Out loss, Out dlogits, Scratch& scratch) {
  const int64_t rows = logits.numel();
  const Grid grid = over(rows);
  const double* share = share_of(s, labels, 1, scratch);
  double* parts = scratch.take_n<double>(grid.blocks.x);
  for_float("sigmoid_bce", logits.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(s, "sigmoid_bce", grid, sigmoid_bce_kernel<T>, rows, logits.data<T>(), labels.data<int32_t>(), share, parts,
           dlogits.data<T>());
    launch(s, "loss_sum", {1, kSumThreads}, add_parts<T>, int64_t(grid.blocks.x), parts, share, loss.data<T>());
  });
}

void smooth_l1(Stream s, In x, In target, In labels, In denominator, double beta, Out loss, Out dx, Scratch& scratch) {
  const int64_t rows = x.dim(0), columns = x.dim(1);
  const Grid grid = over(rows);
  double *share = scratch.take_n<double>(1), *parts = scratch.take_n<double>(grid.blocks.x);
  for_float("smooth_l1", x.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(s, "loss_rows", {1, 1}, share_of_denominator<T>, denominator.data<T>(), share);
    launch(s, "smooth_l1", grid, smooth_l1_kernel<T>, rows, columns, x.data<T>(), target.data<T>(),
           labels.data<int32_t>(), float(beta), share, parts, dx.data<T>());
    launch(s, "loss_sum", {1, kSumThreads}, add_parts<T>, int64_t(grid.blocks.x), parts, share, loss.data<T>());
  });
}

void mask_loss(Stream s, In logits, In labels, In rois, In object, const MaskRuns& masks, Out loss, Out slope,
               Scratch& scratch) {
  const int64_t side = logits.dim(1), n = slope.numel();
  const Grid grid = over(n);
  const double* share = share_of(s, labels, double(side * side), scratch);
  double* parts = scratch.take_n<double>(grid.blocks.x);
  for_float("mask_loss", logits.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(s, "mask_loss", grid, mask_loss_kernel<T>, n, int(side), logits.dim(3), logits.data<T>(),
           labels.data<int32_t>(), boxes_of("mask_loss", rois), object.data<int32_t>(), masks_of(masks), share, parts,
           slope.data<float>());
  });
  launch(s, "loss_sum", {1, kSumThreads}, add_parts<float>, int64_t(grid.blocks.x), parts, share, loss.data<float>());
}

void mask_loss_backward(Stream s, In dy, In slope, In labels, Out dlogits) {
  const int64_t pixels = slope.numel();
  for_float("mask_loss_backward", dlogits.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(s, "mask_loss_backward", {dim3(unsigned(divide_up(pixels, kPixels))), kThreads},
           mask_loss_backward_kernel<T>, pixels, slope.dim(1) * slope.dim(2), dlogits.dim(3), dy.data<float>(),
           slope.data<float>(), labels.data<int32_t>(), dlogits.data<T>());
  });
}

}  // namespace sil::SIL_GPU
