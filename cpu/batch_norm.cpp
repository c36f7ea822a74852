// Batch normalisation with the batch's statistics.  Ioffe, Szegedy 2015, alg. 1.
#include <cmath>

#include "cpu/channel_rows.h"
#include "cpu/cpu.h"

namespace sil::cpu {

void batch_norm(Stream, In x, In scale, In shift, float eps, Out y, Out mean, Out inv_std, Scratch& scratch) {
  const int64_t channels = x.dim(3), rows = x.numel() / channels;
  for_float(x.dtype(), [&](auto t) {
    using T = decltype(t);
    using A = Compute<T>;
    double* space = scratch.take_n<double>(size_t(row_sum_space(rows, channels)));
    const ChannelSums sums = sum_moments(x.data<T>(), rows, channels, space);
    A *factor = scratch.take_n<A>(size_t(channels)), *offset = scratch.take_n<A>(size_t(channels));
    for (int64_t c = 0; c < channels; ++c) {
      const double m = sums.first[c] / double(rows), variance = std::max(0.0, sums.second[c] / double(rows) - m * m);
      const double r = 1 / std::sqrt(variance + double(eps));
      mean.data<A>()[c] = A(m), inv_std.data<A>()[c] = A(r);
      factor[c] = A(double(A(scale.data<T>()[c])) * r), offset[c] = A(shift.data<T>()[c]);
    }
    normalise_rows(x.data<T>(), mean.data<A>(), factor, offset, rows, channels, y.data<T>());
  });
}

// With xhat = (x - mean) * r over M rows:
//   dshift = sum dy, dscale = sum dy xhat, dx = scale r (dy - dshift / M - xhat dscale / M).
void batch_norm_backward(Stream, In dy, In x, In scale, In mean, In inv_std, Out dx, Out dscale, Out dshift,
                         Scratch& scratch) {
  const int64_t channels = x.dim(3), rows = x.numel() / channels;
  for_float(x.dtype(), [&](auto t) {
    using T = decltype(t);
    using A = Compute<T>;
    double* space = scratch.take_n<double>(size_t(row_sum_space(rows, channels)));
    const ChannelSums sums = sum_products(dy.data<T>(), x.data<T>(), mean.data<A>(), rows, channels, space);
    const NormGradient<T> gradient(scratch.take_n<A>(size_t(4 * channels)), channels);
    for (int64_t c = 0; c < channels; ++c) {
      const double r = double(inv_std.data<A>()[c]), factor = double(A(scale.data<T>()[c])) * r;
      const double d_shift = sums.first[c], d_scale = sums.second[c] * r;
      dshift.data<T>()[c] = T(A(d_shift)), dscale.data<T>()[c] = T(A(d_scale));
      gradient.mean[c] = mean.data<A>()[c];
      gradient.a[c] = A(factor);
      gradient.b[c] = A(-factor * r * d_scale / double(rows));
      gradient.c[c] = A(-factor * d_shift / double(rows));
    }
    gradient.apply(dy.data<T>(), x.data<T>(), rows, channels, dx.data<T>());
  });
}

}  // namespace sil::cpu
