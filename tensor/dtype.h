// Element types.  float64 exists for gradient checks and as an independent reference; float16 on CUDA only.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>

namespace sil {

// The upper half of a float32: 8 bits of exponent, 7 of mantissa.  Converts by round to nearest even; NaN stays NaN.
// Arithmetic happens in float32: an operation reads bfloat16, accumulates in float32, rounds once.
struct bfloat16 {
  uint16_t bits = 0;

  bfloat16() = default;
  explicit bfloat16(float x) {
    const uint32_t u = std::bit_cast<uint32_t>(x);
    bits = x != x ? uint16_t((u >> 16) | 0x40) : uint16_t((u + 0x7FFF + ((u >> 16) & 1)) >> 16);
  }
  explicit operator float() const { return std::bit_cast<float>(uint32_t(bits) << 16); }
};

enum class DType : uint8_t { f32, bf16, f16, f64, i32, i64, u8 };

size_t size_of(DType);
// What sums, statistics, boxes and losses of it are computed and kept in: float64 for float64, else float32.
constexpr DType wide(DType d) { return d == DType::f64 ? DType::f64 : DType::f32; }
const char* name(DType);

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<bfloat16> {
  static constexpr DType value = DType::bf16;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct DTypeOf<int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct DTypeOf<int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::u8;
};
template <class T>
constexpr DType dtype_of = DTypeOf<T>::value;

}  // namespace sil
