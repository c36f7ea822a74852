// Batch norm (Ioffe, Szegedy 2015, alg. 1), group norm (Wu, He 2018), and norms with given statistics.
// Batch norm is group norm of one image that has a group for each channel, so both are the same kernels.
// With xhat = (x - mean) * r and, over the M elements of a group, p = sum scale dy, q = sum scale dy xhat:
//   dx = r (scale dy - p / M - xhat q / M); dshift and dscale sum dy and dy xhat over images and pixels.
// Sums are kept in double, in an order that depends on the shape alone.
// bytes: forward x twice and y; backward dy and x twice and dx.  FLOP: some 5 a element, of which 3 in double.
#include <algorithm>
#include <cmath>

#include "cuda/block.h"
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "cuda/vector.h"

namespace sil::SIL_GPU {
namespace {

// x is [images, rows, channels]; `width` neighbouring channels share a statistic.
struct Groups {
  int64_t images, rows, channels, width;
  SIL_HD int64_t groups() const { return channels / width; }
  SIL_HD double count() const { return double(rows * width); }
  SIL_HD int64_t group(int64_t image, int64_t channel) const { return image * groups() + channel / width; }
};

constexpr int64_t kPartRows = 512;

// Two terms of every element, added up for each channel; a thread has N channels.
template <class T, int N>
struct Moments {  // x and its square
  const T* x;
  __device__ void begin(const Groups&, int64_t, int64_t) {}
  __device__ void operator()(int64_t at, double* a, double* b) const {
    const Vector<T, N> v = load_vector<N>(x + at);
    for (int k = 0; k < N; ++k) {
      const double value = double(float(v.lane[k]));
      a[k] += value, b[k] += value * value;
    }
  }
};
template <class T, int N>
struct Products {  // dy and dy (x - mean)
  const T *dy, *x;
  const float* mean;
  float of_lane[N] = {};
  __device__ void begin(const Groups& g, int64_t image, int64_t c) {
    for (int k = 0; k < N; ++k) of_lane[k] = mean[g.group(image, c + k)];
  }
  __device__ void operator()(int64_t at, double* a, double* b) const {
    const Vector<T, N> d = load_vector<N>(dy + at), v = load_vector<N>(x + at);
    for (int k = 0; k < N; ++k) {
      const double slope = double(float(d.lane[k]));
      a[k] += slope, b[k] += slope * double(float(v.lane[k]) - of_lane[k]);
    }
  }
};

// partial [images, parts, 2, channels]: a block adds up kPartRows rows of blockDim.x vectors of channels, its threads
// every blockDim.y-th row.
template <int N, class Terms>
__global__ void sum_channels_kernel(Terms terms, Groups g, double* partial) {
  __shared__ double first[kThreads * N], second[kThreads * N];
  const int64_t begin = int64_t(blockIdx.y) * blockDim.x * N, part = blockIdx.x, image = blockIdx.z;
  const int64_t c = begin + threadIdx.x * N, end = smaller((part + 1) * kPartRows, g.rows);
  double a[N] = {}, b[N] = {};
  if (c < g.channels) {
    terms.begin(g, image, c);
    for (int64_t r = part * kPartRows + threadIdx.y; r < end; r += blockDim.y)
      terms((image * g.rows + r) * g.channels + c, a, b);
  }
  const int width = int(blockDim.x) * N, mine = int(threadIdx.y) * width + int(threadIdx.x) * N;
  for (int k = 0; k < N; ++k) first[mine + k] = a[k], second[mine + k] = b[k];
  __syncthreads();
  double* out = partial + (image * gridDim.x + part) * 2 * g.channels + begin;
  const int here = int(smaller(width, g.channels - begin)), step = int(blockDim.x * blockDim.y);
  for (int k = int(threadIdx.y * blockDim.x + threadIdx.x); k < here; k += step) {
    double p = 0, q = 0;
    for (int y = 0; y < int(blockDim.y); ++y) p += first[y * width + k], q += second[y * width + k];
    out[k] = p, out[g.channels + k] = q;
  }
}

// sums [images, 2, channels]: a warp adds up the parts of one.
__global__ void sum_parts_kernel(int64_t n, int64_t parts, int64_t size, const double* partial, double* sums) {
  for (int64_t i = thread_index() / kWarp; i < n; i += thread_count() / kWarp) {
    double sum = 0;
    for (int64_t p = threadIdx.x % kWarp; p < parts; p += kWarp)
      sum += partial[(i / size * parts + p) * size + i % size];
    sum = warp_fold(sum, Sum());
    if (threadIdx.x % kWarp == 0) sums[i] = sum;
  }
}

template <int N, class Terms>
const double* sum_channels(Stream s, Terms terms, const Groups& g, Scratch& scratch) {
  const int64_t parts = g.rows > kPartRows ? divide_up(g.rows, kPartRows) : 1, size = 2 * g.channels;
  double* partial = scratch.take_n<double>(size_t(g.images * parts * size));
  const int64_t columns = g.channels / N, x = std::clamp<int64_t>(columns, 1, kWarp);
  const dim3 blocks(unsigned(parts), unsigned(divide_up(columns, x)), unsigned(g.images));
  launch(s, "norm_sums", {blocks, dim3(unsigned(x), unsigned(kThreads / x))}, sum_channels_kernel<N, Terms>, terms, g,
         partial);
  if (parts == 1) return partial;
  double* sums = scratch.take_n<double>(size_t(g.images * size));
  launch(s, "norm_sum_parts", over(g.images * size * kWarp), sum_parts_kernel, g.images * size, parts, size, partial,
         sums);
  return sums;
}

__global__ void statistics_kernel(Groups g, const double* sums, float eps, float* mean, float* inv_std) {
  for (int64_t i = thread_index(); i < g.images * g.groups(); i += thread_count()) {
    const double* of_image = sums + i / g.groups() * 2 * g.channels;
    double first = 0, second = 0;
    for (int64_t c = i % g.groups() * g.width; c < (i % g.groups() + 1) * g.width; ++c)
      first += of_image[c], second += of_image[g.channels + c];
    const double m = first / g.count(), variance = second / g.count() - m * m;
    mean[i] = float(m);
    inv_std[i] = float(1 / std::sqrt((variance > 0 ? variance : 0.0) + double(eps)));
  }
}

// A thread keeps N channels of an image.
template <class T, int N>
__global__ void normalise_kernel(Groups g, const T* x, const T* scale, const T* shift, const float* mean,
                                 const float* inv_std, T* y) {
  const int64_t c = column() * N, image = blockIdx.z;
  if (c >= g.channels) return;
  float m[N], a[N], b[N];
  for (int k = 0; k < N; ++k) {
    const int64_t group = g.group(image, c + k);
    m[k] = mean[group], a[k] = float(scale[c + k]) * inv_std[group], b[k] = float(shift[c + k]);
  }
  for (int64_t r = first_row(); r < g.rows; r += row_step()) {
    const int64_t at = (image * g.rows + r) * g.channels + c;
    Vector<T, N> v = load_vector<N>(x + at);
    for (int k = 0; k < N; ++k) v.lane[k] = T((float(v.lane[k]) - m[k]) * a[k] + b[k]);
    store_vector(y + at, v);
  }
}

// coefficients [images * groups, 2]: dx = r scale dy + b (x - mean) + c
template <class T>
__global__ void coefficients_kernel(Groups g, const double* sums, const T* scale, const float* inv_std,
                                    float* coefficients) {
  for (int64_t i = thread_index(); i < g.images * g.groups(); i += thread_count()) {
    const double* of_image = sums + i / g.groups() * 2 * g.channels;
    const double r = double(inv_std[i]);
    double p = 0, q = 0;
    for (int64_t c = i % g.groups() * g.width; c < (i % g.groups() + 1) * g.width; ++c)
      p += double(float(scale[c])) * of_image[c], q += double(float(scale[c])) * of_image[g.channels + c] * r;
    coefficients[2 * i] = float(-r * r * q / g.count());
    coefficients[2 * i + 1] = float(-r * p / g.count());
  }
}

template <class T>
__global__ void parameter_gradients_kernel(Groups g, const double* sums, const float* inv_std, T* dscale, T* dshift) {
  for (int64_t c = thread_index(); c < g.channels; c += thread_count()) {
    double d_shift = 0, d_scale = 0;
    for (int64_t n = 0; n < g.images; ++n) {
      d_shift += sums[n * 2 * g.channels + c];
      d_scale += sums[(n * 2 + 1) * g.channels + c] * double(inv_std[n * g.groups() + c / g.width]);
    }
    dshift[c] = T(float(d_shift)), dscale[c] = T(float(d_scale));
  }
}

template <class T, int N>
__global__ void input_gradient_kernel(Groups g, const T* dy, const T* x, const T* scale, const float* mean,
                                      const float* inv_std, const float* coefficients, T* dx) {
  const int64_t c = column() * N, image = blockIdx.z;
  if (c >= g.channels) return;
  float a[N], m[N], b[N], d[N];
  for (int k = 0; k < N; ++k) {
    const int64_t group = g.group(image, c + k);
    a[k] = float(scale[c + k]) * inv_std[group], m[k] = mean[group];
    b[k] = coefficients[2 * group], d[k] = coefficients[2 * group + 1];
  }
  for (int64_t r = first_row(); r < g.rows; r += row_step()) {
    const int64_t at = (image * g.rows + r) * g.channels + c;
    const Vector<T, N> v = load_vector<N>(x + at);
    Vector<T, N> slope = load_vector<N>(dy + at);
    for (int k = 0; k < N; ++k)
      slope.lane[k] = T(a[k] * float(slope.lane[k]) + (b[k] * (float(v.lane[k]) - m[k]) + d[k]));
    store_vector(dx + at, slope);
  }
}

Grid of_images(const Groups& g, int width) {
  Grid grid = over_rows(g.rows, g.channels / width);
  grid.blocks.z = unsigned(g.images);
  return grid;
}

void forward(Stream s, const Groups& g, In x, In scale, In shift, float eps, Out y, Out mean, Out inv_std,
             Scratch& scratch) {
  float *m = mean.data<float>(), *r = inv_std.data<float>();
  for_float("norm", x.dtype(), [&](auto t) {
    using T = decltype(t);
    by_vectors<kVector<T>>(g.channels, {x.raw(), y.raw()}, [&](auto width) {
      constexpr int N = decltype(width)::value;
      const double* sums = sum_channels<N>(s, Moments<T, N>{x.data<T>()}, g, scratch);
      launch(s, "norm_statistics", over(g.images * g.groups()), statistics_kernel, g, sums, eps, m, r);
      launch(s, "norm", of_images(g, N), normalise_kernel<T, N>, g, x.data<T>(), scale.data<T>(), shift.data<T>(), m, r,
             y.data<T>());
    });
  });
}

void backward(Stream s, const Groups& g, In dy, In x, In scale, In mean, In inv_std, Out dx, Out dscale, Out dshift,
              Scratch& scratch) {
  const float *m = mean.data<float>(), *r = inv_std.data<float>();
  float* coefficients = scratch.take_n<float>(size_t(2 * g.images * g.groups()));
  for_float("norm_backward", x.dtype(), [&](auto t) {
    using T = decltype(t);
    by_vectors<kVector<T>>(g.channels, {dy.raw(), x.raw(), dx.raw()}, [&](auto width) {
      constexpr int N = decltype(width)::value;
      const double* sums = sum_channels<N>(s, Products<T, N>{dy.data<T>(), x.data<T>(), m}, g, scratch);
      launch(s, "norm_coefficients", over(g.images * g.groups()), coefficients_kernel<T>, g, sums, scale.data<T>(), r,
             coefficients);
      launch(s, "norm_parameters", over(g.channels), parameter_gradients_kernel<T>, g, sums, r, dscale.data<T>(),
             dshift.data<T>());
      launch(s, "norm_backward", of_images(g, N), input_gradient_kernel<T, N>, g, dy.data<T>(), x.data<T>(),
             scale.data<T>(), m, r, coefficients, dx.data<T>());
    });
  });
}

// y = x a + b per channel (then ReLU).
template <class T, int N>
__global__ void channel_affine_kernel(int64_t rows, int64_t columns, const T* x, const float* a, const float* b,
                                      bool relu, T* y) {
  const int64_t c = column();
  if (c >= columns) return;
  float factor[N], term[N];
  for (int k = 0; k < N; ++k) factor[k] = a[c * N + k], term[k] = b[c * N + k];
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    Vector<T, N> v = load_vector<N>(x + (r * columns + c) * N);
    for (int k = 0; k < N; ++k) {
      const float f = float(v.lane[k]) * factor[k] + term[k];
      v.lane[k] = T(relu && f < 0 ? 0.0f : f);
    }
    store_vector(y + (r * columns + c) * N, v);
  }
}

Groups of_batch(const Tensor& x) { return {1, x.dim(0) * x.dim(1) * x.dim(2), x.dim(3), 1}; }
Groups of_images(const Tensor& x, int groups) { return {x.dim(0), x.dim(1) * x.dim(2), x.dim(3), x.dim(3) / groups}; }

}  // namespace

void batch_norm(Stream s, In x, In scale, In shift, float eps, Out y, Out mean, Out inv_std, Scratch& scratch) {
  forward(s, of_batch(x), x, scale, shift, eps, y, mean, inv_std, scratch);
}
void batch_norm_backward(Stream s, In dy, In x, In scale, In mean, In inv_std, Out dx, Out dscale, Out dshift,
                         Scratch& scratch) {
  backward(s, of_batch(x), dy, x, scale, mean, inv_std, dx, dscale, dshift, scratch);
}
void group_norm(Stream s, In x, In scale, In shift, int groups, float eps, Out y, Out mean, Out inv_std,
                Scratch& scratch) {
  forward(s, of_images(x, groups), x, scale, shift, eps, y, mean, inv_std, scratch);
}
void group_norm_backward(Stream s, In dy, In x, In scale, In mean, In inv_std, int groups, Out dx, Out dscale,
                         Out dshift, Scratch& scratch) {
  backward(s, of_images(x, groups), dy, x, scale, mean, inv_std, dx, dscale, dshift, scratch);
}

void channel_affine(Stream s, In x, In a, In b, bool relu, Out y) {
  const int64_t channels = x.dim(-1), rows = x.shape().numel(0, x.rank() - 1);
  for_float("channel_affine", x.dtype(), [&](auto t) {
    using T = decltype(t);
    by_vectors<kVector<T>>(channels, {x.raw(), y.raw()}, [&](auto width) {
      constexpr int N = decltype(width)::value;
      launch(s, "channel_affine", over_rows(rows, channels / N), channel_affine_kernel<T, N>, rows, channels / N,
             x.data<T>(), a.data<float>(), b.data<float>(), relu, y.data<T>());
    });
  });
}

}  // namespace sil::SIL_GPU
