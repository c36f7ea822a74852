#include <algorithm>

#include "cpu/plain.h"
#include "tensor/threads.h"

namespace sil::cpu::plain {
namespace {

// Output row p reads input row p * stride - padding + kh * dilation.
int64_t source(int64_t out, int64_t tap, const Conv2dGeom& g) { return out * g.stride - g.padding + tap * g.dilation; }

}  // namespace

void conv_forward(const ConvShape& s, const double* x, const double* w, const double* bias, const double* skip,
                  bool relu, double* y) {
  auto pixel = [&](int64_t n, int64_t p, int64_t q, int64_t o) {
    double sum = bias ? bias[o] : 0;
    for (int64_t a = 0; a < s.kh; ++a)
      for (int64_t b = 0; b < s.kw; ++b) {
        const int64_t iy = source(p, a, s.g), ix = source(q, b, s.g);
        if (iy < 0 || iy >= s.h || ix < 0 || ix >= s.w) continue;
        const double* xs = x + ((n * s.h + iy) * s.w + ix) * s.i;
        const double* ws = w + ((o * s.kh + a) * s.kw + b) * s.i;
        for (int64_t i = 0; i < s.i; ++i) sum += xs[i] * ws[i];
      }
    return sum;
  };
  parallel_for(s.n * s.p, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      for (int64_t q = 0; q < s.q; ++q)
        for (int64_t o = 0; o < s.o; ++o) {
          const int64_t at = (row * s.q + q) * s.o + o;
          const double v = pixel(row / s.p, row % s.p, q, o) + (skip ? skip[at] : 0);
          y[at] = relu && v < 0 ? 0 : v;
        }
  });
}

void conv_backward_input(const ConvShape& s, const double* dy, const double* w, double* dx) {
  auto pixel = [&](int64_t n, int64_t iy, int64_t ix, double* d) {
    std::fill_n(d, s.i, 0.0);
    for (int64_t a = 0; a < s.kh; ++a)
      for (int64_t b = 0; b < s.kw; ++b) {
        const int64_t py = iy + s.g.padding - a * s.g.dilation, qx = ix + s.g.padding - b * s.g.dilation;
        const int64_t p = py / s.g.stride, q = qx / s.g.stride;
        if (py < 0 || qx < 0 || py % s.g.stride || qx % s.g.stride || p >= s.p || q >= s.q) continue;
        for (int64_t o = 0; o < s.o; ++o) {
          const double g = dy[((n * s.p + p) * s.q + q) * s.o + o];
          const double* ws = w + ((o * s.kh + a) * s.kw + b) * s.i;
          for (int64_t i = 0; i < s.i; ++i) d[i] += g * ws[i];
        }
      }
  };
  parallel_for(s.n * s.h, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      for (int64_t ix = 0; ix < s.w; ++ix) pixel(row / s.h, row % s.h, ix, dx + (row * s.w + ix) * s.i);
  });
}

void conv_backward_weight(const ConvShape& s, const double* dy, const double* x, double* dw) {
  // One row of dw: what output channel o and tap (a, b) see of x.
  auto tap = [&](int64_t o, int64_t a, int64_t b, double* d) {
    std::fill_n(d, s.i, 0.0);
    for (int64_t n = 0; n < s.n; ++n)
      for (int64_t p = 0; p < s.p; ++p)
        for (int64_t q = 0; q < s.q; ++q) {
          const int64_t iy = source(p, a, s.g), ix = source(q, b, s.g);
          if (iy < 0 || iy >= s.h || ix < 0 || ix >= s.w) continue;
          const double g = dy[((n * s.p + p) * s.q + q) * s.o + o];
          const double* xs = x + ((n * s.h + iy) * s.w + ix) * s.i;
          for (int64_t i = 0; i < s.i; ++i) d[i] += g * xs[i];
        }
  };
  parallel_for(s.o * s.kh * s.kw, 1, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) tap(r / (s.kh * s.kw), r / s.kw % s.kh, r % s.kw, dw + r * s.i);
  });
}

}  // namespace sil::cpu::plain
