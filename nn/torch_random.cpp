#include "nn/torch_random.h"

#include <cmath>
#include <numbers>
#include <utility>

#include "tensor/threads.h"

namespace sil {
namespace {

// torch makes normal numbers 16 at a time: of the uniform ones at j and j + 8 (Box and Muller 1958).
constexpr int64_t kBlock = 16;

void box_muller(float* x, float deviation) {
  for (int64_t j = 0; j < kBlock / 2; ++j) {
    const float radius = std::sqrt(-2 * std::log(1 - x[j])), angle = 2 * std::numbers::pi_v<float> * x[j + kBlock / 2];
    x[j] = radius * std::cos(angle) * deviation;
    x[j + kBlock / 2] = radius * std::sin(angle) * deviation;
  }
}

}  // namespace

TorchRandom::TorchRandom(uint64_t seed) : engine_(uint32_t(seed)) {}

float TorchRandom::uniform32() { return float(engine_() & 0xFFFFFF) * 0x1p-24f; }

double TorchRandom::uniform64() {
  const uint64_t high = engine_(), low = engine_();
  return double((high << 32 | low) & 0x1FFFFFFFFFFFFF) * 0x1p-53;
}

double TorchRandom::normal64() {
  if (second_) return *std::exchange(second_, std::nullopt);
  const double angle = 2 * std::numbers::pi * uniform64(), radius = std::sqrt(-2 * std::log1p(-uniform64()));
  second_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

Tensor TorchRandom::uniform(const Shape& shape, double bound) {
  Tensor t(shape, DType::f32);
  float* out = t.data<float>();
  const float low = -float(bound), high = float(bound);
  for (int64_t i = 0; i < t.numel(); ++i) out[i] = uniform32() * (high - low) + low;
  return t;
}

Tensor TorchRandom::normal(const Shape& shape, double deviation) {
  Tensor t(shape, DType::f32);
  float* out = t.data<float>();
  const int64_t n = t.numel(), blocks = n / kBlock;
  if (blocks == 0) {
    for (int64_t i = 0; i < n; ++i) out[i] = float(normal64() * deviation);
    return t;
  }
  for (int64_t i = 0; i < n; ++i) out[i] = uniform32();
  parallel_for(blocks, 1 << 10, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) box_muller(out + b * kBlock, float(deviation));
  });
  if (n % kBlock != 0) {  // the last whole block is drawn anew, over what was there
    float* last = out + n - kBlock;
    for (int64_t i = 0; i < kBlock; ++i) last[i] = uniform32();
    box_muller(last, float(deviation));
  }
  return t;
}

void TorchRandom::skip(int64_t elements) { engine_.discard(uint64_t(elements)); }

}  // namespace sil
