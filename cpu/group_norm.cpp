// Group normalisation: statistics of each image over the pixels and channels of a group.  Wu, He 2018.
#include <cmath>

#include "cpu/channel_rows.h"
#include "cpu/cpu.h"

namespace sil::cpu {
namespace {

double sum_of(const double* values, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += values[i];
  return sum;
}

double dot(const double* values, const double* weights, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += values[i] * weights[i];
  return sum;
}

}  // namespace

void group_norm(Stream, In x, In scale, In shift, int groups, float eps, Out y, Out mean, Out inv_std,
                Scratch& scratch) {
  const int64_t images = x.dim(0), rows = x.dim(1) * x.dim(2), channels = x.dim(3), width = channels / groups;
  const double count = double(rows * width);
  for_float(x.dtype(), [&](auto t) {
    using T = decltype(t);
    using A = Compute<T>;
    const int64_t space_size = row_sum_space(rows, channels);
    double* space = scratch.take_n<double>(size_t(images * space_size));
    A* coefficients = scratch.take_n<A>(size_t(images * 3 * channels));
    auto image = [&](int64_t n) {
      const T* pixels = x.data<T>() + n * rows * channels;
      const ChannelSums sums = sum_moments(pixels, rows, channels, space + n * space_size);
      A *means = coefficients + n * 3 * channels, *factor = means + channels, *offset = factor + channels;
      for (int64_t g = 0; g < groups; ++g) {
        const double m = sum_of(sums.first + g * width, width) / count;
        const double variance = std::max(0.0, sum_of(sums.second + g * width, width) / count - m * m);
        const double r = 1 / std::sqrt(variance + double(eps));
        mean.data<A>()[n * groups + g] = A(m), inv_std.data<A>()[n * groups + g] = A(r);
        for (int64_t c = g * width; c < (g + 1) * width; ++c) {
          means[c] = A(m), factor[c] = A(double(A(scale.data<T>()[c])) * r), offset[c] = A(shift.data<T>()[c]);
        }
      }
      normalise_rows(pixels, means, factor, offset, rows, channels, y.data<T>() + n * rows * channels);
    };
    // One image leaves the threads to its rows.
    parallel_for(images, 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) image(n);
    });
  });
}

// With xhat = (x - mean) * r and, over the M elements of a group, p = sum scale dy, q = sum scale dy xhat:
//   dx = r (scale dy - p / M - xhat q / M); dshift and dscale sum dy and dy xhat over images and pixels.
void group_norm_backward(Stream, In dy, In x, In scale, In mean, In inv_std, int groups, Out dx, Out dscale, Out dshift,
                         Scratch& scratch) {
  const int64_t images = x.dim(0), rows = x.dim(1) * x.dim(2), channels = x.dim(3), width = channels / groups;
  const double count = double(rows * width);
  for_float(x.dtype(), [&](auto t) {
    using T = decltype(t);
    using A = Compute<T>;
    const int64_t space_size = row_sum_space(rows, channels);
    double *space = scratch.take_n<double>(size_t(images * space_size)),
           *scales = scratch.take_n<double>(size_t(channels));
    for (int64_t c = 0; c < channels; ++c) scales[c] = double(A(scale.data<T>()[c]));
    A* coefficients = scratch.take_n<A>(size_t(images * 4 * channels));
    auto image = [&](int64_t n) {
      const int64_t at = n * rows * channels;
      const NormGradient<T> gradient(coefficients + n * 4 * channels, channels);
      for (int64_t c = 0; c < channels; ++c) gradient.mean[c] = mean.data<A>()[n * groups + c / width];
      const ChannelSums sums =
          sum_products(dy.data<T>() + at, x.data<T>() + at, gradient.mean, rows, channels, space + n * space_size);
      for (int64_t g = 0; g < groups; ++g) {
        const double r = double(inv_std.data<A>()[n * groups + g]);
        for (int64_t c = g * width; c < (g + 1) * width; ++c) sums.second[c] *= r;
        const double p = dot(sums.first + g * width, scales + g * width, width);
        const double q = dot(sums.second + g * width, scales + g * width, width);
        for (int64_t c = g * width; c < (g + 1) * width; ++c) {
          gradient.a[c] = A(scales[c] * r), gradient.b[c] = A(-r * r * q / count), gradient.c[c] = A(-r * p / count);
        }
      }
      gradient.apply(dy.data<T>() + at, x.data<T>() + at, rows, channels, dx.data<T>() + at);
    };
    parallel_for(images, 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) image(n);
    });
    for (int64_t c = 0; c < channels; ++c) {
      double d_shift = 0, d_scale = 0;
      for (int64_t n = 0; n < images; ++n)
        d_shift += space[n * space_size + c], d_scale += space[n * space_size + channels + c];
      dshift.data<T>()[c] = T(A(d_shift)), dscale.data<T>()[c] = T(A(d_scale));
    }
  });
}

}  // namespace sil::cpu
