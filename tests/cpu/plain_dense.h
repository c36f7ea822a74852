// The tests' own arithmetic for products, convolutions, pooling and norms: double, index by index, nothing shared with
// the kernels.
#pragma once
#include <cmath>
#include <vector>

#include "tensor/check.h"
#include "tensor/kernels.h"
#include "tests/cpu/random.h"

namespace sil::test {

using Doubles = std::vector<double>;

// Row-major position of an element.
struct Index {
  Shape s;
  size_t operator()(int64_t a, int64_t b, int64_t c, int64_t d) const {
    return size_t(((a * s[1] + b) * s[2] + c) * s[3] + d);
  }
};

// Calls f(x position, w position, y position) for every product of y = conv(x, w).  The forward sum and both gradients
// are this one walk.
template <class F>
void each_product(const Shape& x, const Shape& w, const Shape& y, Conv2dGeom g, F f) {
  const Index xi{x}, wi{w}, yi{y};
  for (int64_t n = 0; n < y[0]; ++n)
    for (int64_t p = 0; p < y[1]; ++p)
      for (int64_t q = 0; q < y[2]; ++q)
        for (int64_t o = 0; o < w[0]; ++o)
          for (int64_t a = 0; a < w[1]; ++a)
            for (int64_t b = 0; b < w[2]; ++b) {
              const int64_t row = p * g.stride + a * g.dilation - g.padding;
              const int64_t column = q * g.stride + b * g.dilation - g.padding;
              if (row < 0 || column < 0 || row >= x[1] || column >= x[2]) continue;
              for (int64_t i = 0; i < w[3]; ++i) f(xi(n, row, column, i), wi(o, a, b, i), yi(n, p, q, o));
            }
}

// A sum and the sum of its terms' magnitudes, which rounding errors are measured by.
struct Sums {
  Doubles value, magnitude;
  explicit Sums(int64_t n) : value(size_t(n)), magnitude(size_t(n)) {}
  void add(size_t at, double v) { value[at] += v, magnitude[at] += std::abs(v); }
  void relu() {
    for (double& v : value) v = std::max(v, 0.0);
  }
};

inline double element(const Tensor& t, int64_t i) {
  if (t.dtype() == DType::f32) return double(t.data<float>()[i]);
  if (t.dtype() == DType::bf16) return double(float(t.data<bfloat16>()[i]));
  return t.data<double>()[i];
}

inline void set_element(Tensor& t, int64_t i, double v) {
  if (t.dtype() == DType::f32)
    t.data<float>()[i] = float(v);
  else if (t.dtype() == DType::bf16)
    t.data<bfloat16>()[i] = bfloat16(float(v));
  else
    t.data<double>()[i] = v;
}

inline Tensor random_tensor(const Shape& shape, DType dtype, unsigned seed) {
  return random(shape, dtype, seed, -1, 1);
}

// What a value may be off by: accumulated rounding (of the terms' magnitude) and the result's own rounding.
inline double tolerance(DType dtype, double value, double magnitude) {
  if (dtype == DType::f64) return 1e-13 * magnitude;
  return 4e-6 * magnitude + (dtype == DType::bf16 ? std::abs(value) / 256 : 0) + 1e-30;
}

// The worst |difference| / tolerance: at most 1 passes.  NaN anywhere gives infinity.
inline double excess(const Tensor& t, const Sums& expected) {
  check(t.numel() == int64_t(expected.value.size()), "{} elements expected, {} given", expected.value.size(),
        t.numel());
  double worst = 0;
  for (int64_t i = 0; i < t.numel(); ++i) {
    const double v = expected.value[size_t(i)];
    const double e = std::abs(element(t, i) - v) / tolerance(t.dtype(), v, expected.magnitude[size_t(i)] + 1e-300);
    worst = e <= worst ? worst : (e == e ? e : INFINITY);
  }
  return worst;
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
  const char *x = static_cast<const char*>(a.raw()), *y = static_cast<const char*>(b.raw());
  return a.bytes() == b.bytes() && std::equal(x, x + a.bytes(), y);
}

constexpr DType kFloats[] = {DType::f32, DType::bf16, DType::f64};

}  // namespace sil::test
