// Batch norm (Ioffe, Szegedy 2015, alg. 1), group norm (Wu, He 2018), and norms with given statistics.
// Batch norm is group norm of one image that has a group for each channel, so both are the same kernels.
// With xhat = (x - mean) * r and, over the M elements of a group, p = sum scale dy, q = sum scale dy xhat:
//   dx = r (scale dy - p / M - xhat q / M); dshift and dscale sum dy and dy xhat over images and pixels.
// Sums are kept in double, in an order that depends on the shape alone.
// bytes: forward x twice and y; backward dy and x twice and dx.  FLOP: some 5 a element, of which 3 in double.
#include <cmath>

#include "cuda/dispatch.h"
#include "cuda/gpu.h"

namespace sil::SIL_GPU {
namespace {

// x is [images, rows, channels]; `width` neighbouring channels share a statistic.
struct Groups {
  int64_t images, rows, channels, width;
  SIL_HD int64_t groups() const { return channels / width; }
  SIL_HD int64_t elements() const { return images * rows * channels; }
  SIL_HD double count() const { return double(rows * width); }
  SIL_HD int64_t channel(int64_t i) const { return i % channels; }
  SIL_HD int64_t group(int64_t i) const { return i / (rows * channels) * groups() + channel(i) / width; }
};

constexpr int kColumns = 32, kRows = 8;  // of a block that sums channels
constexpr int64_t kPartRows = 512;

// Two terms of every element, added up for each channel.
template <class T>
struct Moments {  // x and its square
  const T* x;
  __device__ void operator()(int64_t i, int64_t, double& a, double& b) const {
    const double v = double(float(x[i]));
    a += v, b += v * v;
  }
};
template <class T>
struct Products {  // dy and dy (x - mean)
  const T *dy, *x;
  const float* mean;
  __device__ void operator()(int64_t i, int64_t group, double& a, double& b) const {
    const double d = double(float(dy[i]));
    a += d, b += d * double(float(x[i]) - mean[group]);
  }
};

// partial [images, parts, 2, channels]: a block adds up kPartRows rows of kColumns channels.
template <class Terms>
__global__ void sum_channels_kernel(Terms terms, Groups g, double* partial) {
  __shared__ double first[kRows][kColumns], second[kRows][kColumns];
  const int64_t c = blockIdx.y * kColumns + threadIdx.x, part = blockIdx.x, image = blockIdx.z;
  const int64_t end = smaller((part + 1) * kPartRows, g.rows);
  double a = 0, b = 0;
  if (c < g.channels)
    for (int64_t r = part * kPartRows + threadIdx.y; r < end; r += kRows) {
      const int64_t i = (image * g.rows + r) * g.channels + c;
      terms(i, image * g.groups() + c / g.width, a, b);
    }
  first[threadIdx.y][threadIdx.x] = a, second[threadIdx.y][threadIdx.x] = b;
  __syncthreads();
  if (threadIdx.y > 0 || c >= g.channels) return;
  for (int y = 1; y < kRows; ++y) a += first[y][threadIdx.x], b += second[y][threadIdx.x];
  double* out = partial + (image * gridDim.x + part) * 2 * g.channels;
  out[c] = a, out[g.channels + c] = b;
}

// sums [images, 2, channels]
__global__ void sum_parts_kernel(int64_t n, int64_t parts, int64_t size, const double* partial, double* sums) {
  for (int64_t i = thread_index(); i < n; i += thread_count()) {
    double sum = 0;
    for (int64_t p = 0; p < parts; ++p) sum += partial[(i / size * parts + p) * size + i % size];
    sums[i] = sum;
  }
}

template <class Terms>
const double* sum_channels(Stream s, Terms terms, const Groups& g, Scratch& scratch) {
  const int64_t parts = g.rows > kPartRows ? divide_up(g.rows, kPartRows) : 1, size = 2 * g.channels;
  double* partial = scratch.take_n<double>(size_t(g.images * parts * size));
  double* sums = scratch.take_n<double>(size_t(g.images * size));
  const dim3 blocks(unsigned(parts), unsigned(divide_up(g.channels, kColumns)), unsigned(g.images));
  launch(s, "norm_sums", {blocks, dim3(kColumns, kRows)}, sum_channels_kernel<Terms>, terms, g, partial);
  launch(s, "norm_sum_parts", over(g.images * size), sum_parts_kernel, g.images * size, parts, size, partial, sums);
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

template <class T>
__global__ void normalise_kernel(Groups g, const T* x, const T* scale, const T* shift, const float* mean,
                                 const float* inv_std, T* y) {
  for (int64_t i = thread_index(); i < g.elements(); i += thread_count()) {
    const int64_t c = g.channel(i), k = g.group(i);
    y[i] = T((float(x[i]) - mean[k]) * (float(scale[c]) * inv_std[k]) + float(shift[c]));
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

template <class T>
__global__ void input_gradient_kernel(Groups g, const T* dy, const T* x, const T* scale, const float* mean,
                                      const float* inv_std, const float* coefficients, T* dx) {
  for (int64_t i = thread_index(); i < g.elements(); i += thread_count()) {
    const int64_t k = g.group(i);
    const float a = float(scale[g.channel(i)]) * inv_std[k];
    dx[i] = T(a * float(dy[i]) + (coefficients[2 * k] * (float(x[i]) - mean[k]) + coefficients[2 * k + 1]));
  }
}

void forward(Stream s, const Groups& g, In x, In scale, In shift, float eps, Out y, Out mean, Out inv_std,
             Scratch& scratch) {
  for_float("norm", x.dtype(), [&](auto t) {
    using T = decltype(t);
    const double* sums = sum_channels(s, Moments<T>{x.data<T>()}, g, scratch);
    launch(s, "norm_statistics", over(g.images * g.groups()), statistics_kernel, g, sums, eps, mean.data<float>(),
           inv_std.data<float>());
    launch(s, "norm", over(g.elements()), normalise_kernel<T>, g, x.data<T>(), scale.data<T>(), shift.data<T>(),
           mean.data<float>(), inv_std.data<float>(), y.data<T>());
  });
}

void backward(Stream s, const Groups& g, In dy, In x, In scale, In mean, In inv_std, Out dx, Out dscale, Out dshift,
              Scratch& scratch) {
  for_float("norm_backward", x.dtype(), [&](auto t) {
    using T = decltype(t);
    const float *m = mean.data<float>(), *r = inv_std.data<float>();
    const double* sums = sum_channels(s, Products<T>{dy.data<T>(), x.data<T>(), m}, g, scratch);
    float* coefficients = scratch.take_n<float>(size_t(2 * g.images * g.groups()));
    launch(s, "norm_coefficients", over(g.images * g.groups()), coefficients_kernel<T>, g, sums, scale.data<T>(), r,
           coefficients);
    launch(s, "norm_parameters", over(g.channels), parameter_gradients_kernel<T>, g, sums, r, dscale.data<T>(),
           dshift.data<T>());
    launch(s, "norm_backward", over(g.elements()), input_gradient_kernel<T>, g, dy.data<T>(), x.data<T>(),
           scale.data<T>(), m, r, coefficients, dx.data<T>());
  });
}

// y = x a + b per channel (then ReLU).
template <class T>
__global__ void channel_affine_kernel(int64_t n, int64_t channels, const T* x, const float* a, const float* b,
                                      bool relu, T* y) {
  for (int64_t i = thread_index(); i < n; i += thread_count()) {
    const float v = float(x[i]) * a[i % channels] + b[i % channels];
    y[i] = T(relu && v < 0 ? 0.0f : v);
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
  for_float("channel_affine", x.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(s, "channel_affine", over(x.numel()), channel_affine_kernel<T>, x.numel(), x.dim(-1), x.data<T>(),
           a.data<float>(), b.data<float>(), relu, y.data<T>());
  });
}

}  // namespace sil::SIL_GPU
