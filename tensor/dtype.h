// Element types.  float64 exists for gradient checks and as an independent reference; float16 on CUDA only.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>

#include "tensor/host_device.h"

namespace sil {

// The upper half of a float32: 8 bits of exponent, 7 of mantissa.  Converts by round to nearest even; NaN stays NaN.
// Arithmetic happens in float32: an operation reads bfloat16, accumulates in float32, rounds once.
struct bfloat16 {
  uint16_t bits = 0;

  bfloat16() = default;
  SIL_HD explicit bfloat16(float x) {
    const uint32_t u = std::bit_cast<uint32_t>(x);
    bits = x != x ? uint16_t((u >> 16) | 0x40) : uint16_t((u + 0x7FFF + ((u >> 16) & 1)) >> 16);
  }
  SIL_HD explicit operator float() const { return std::bit_cast<float>(uint32_t(bits) << 16); }
};

// IEEE 754 binary16: 5 bits of exponent, 10 of mantissa.  Converts as bfloat16 does; beyond 65504 it is infinite.
struct float16 {
  uint16_t bits = 0;

  float16() = default;
  SIL_HD explicit float16(float x) {
    const uint32_t u = std::bit_cast<uint32_t>(x), sign = u >> 16 & 0x8000, magnitude = u & 0x7FFFFFFF;
    if (magnitude > 0x7F800000)
      bits = uint16_t(sign | 0x7E00);
    else if (magnitude >= 0x477FF000)  // rounds to more than 65504
      bits = uint16_t(sign | 0x7C00);
    else if (magnitude < 0x38800000)  // below 2^-14 steps are of 2^-24: adding 1/2 leaves their number in the mantissa
      bits = uint16_t(sign | (std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3F000000));
    else
      bits = uint16_t(sign | (magnitude - 0x38000000 + 0xFFF + (magnitude >> 13 & 1)) >> 13);
  }
  SIL_HD explicit operator float() const {
    const uint32_t sign = uint32_t(bits & 0x8000) << 16, exponent = bits >> 10 & 31, mantissa = bits & 1023;
    if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000 | mantissa << 13);
    if (exponent == 0) return (sign ? -1.0f : 1.0f) * float(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  }
};

enum class DType : uint8_t { f32, bf16, f16, f64, i32, i64, u8 };

size_t size_of(DType);
// What sums, statistics, boxes and losses of it are computed and kept in: float64 for float64, else float32.
constexpr DType wide(DType d) { return d == DType::f64 ? DType::f64 : DType::f32; }
const char* name(DType);

// Calls f with an unsigned integer of an element's size, for what moves elements as bits.
template <class F>
void for_size(DType dtype, F f) {
  switch (size_of(dtype)) {
    case 1:
      return f(uint8_t());
    case 2:
      return f(uint16_t());
    case 4:
      return f(uint32_t());
    default:
      return f(uint64_t());
  }
}

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
struct DTypeOf<float16> {
  static constexpr DType value = DType::f16;
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
