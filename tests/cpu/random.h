// Random tensors for the tests of this folder, and the values that a tensor of any float dtype holds, as double.
#pragma once
#include <vector>

#include "tensor/ops.h"

namespace sil::test {

inline std::vector<double> random_values(int64_t n, uint64_t seed, double lo = -2, double hi = 2) {
  std::vector<double> v(static_cast<size_t>(n));
  const RngKey key = RngKey{seed};
  for (size_t i = 0; i < v.size(); ++i) v[i] = lo + (hi - lo) * key.uniform64(i);
  return v;
}

// The values are those of the dtype: read them back with doubles().
inline Tensor random(const Shape& shape, DType dtype, uint64_t seed, double lo = -2, double hi = 2) {
  return ops::cast(Tensor::of<double>(shape, random_values(shape.numel(), seed, lo, hi)), dtype);
}

inline std::vector<double> doubles(const Tensor& t) { return ops::cast(t, DType::f64).to_vector<double>(); }

// The relative rounding of one result.
inline double rounding(DType t) {
  return t == DType::bf16 ? 0x1p-8 : t == DType::f16 ? 0x1p-11 : t == DType::f32 ? 0x1p-23 : 0x1p-52;
}

}  // namespace sil::test
