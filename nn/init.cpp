#include "nn/init.h"

#include <cmath>

#include "tensor/threads.h"

namespace sil {

Tensor normal(const Shape& shape, double deviation, RngKey key) {
  Tensor t(shape, DType::f32);
  float* out = t.data<float>();
  parallel_for(t.numel(), 1 << 14, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) out[i] = float(deviation * key.normal(uint64_t(i)));
  });
  return t;
}

Tensor uniform(const Shape& shape, double bound, RngKey key) {
  Tensor t(shape, DType::f32);
  float* out = t.data<float>();
  parallel_for(t.numel(), 1 << 14, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) out[i] = float(bound * (2 * key.uniform64(uint64_t(i)) - 1));
  });
  return t;
}

Tensor kaiming_normal(const Shape& shape, int64_t fan, RngKey key) {
  return normal(shape, std::sqrt(2.0 / double(fan)), key);
}

Tensor kaiming_uniform(const Shape& shape, int64_t fan, RngKey key) {
  return uniform(shape, std::sqrt(3.0 / double(fan)), key);
}

Tensor torch_default(const Shape& shape, int64_t fan, RngKey key) {
  return uniform(shape, 1 / std::sqrt(double(fan)), key);
}

}  // namespace sil
