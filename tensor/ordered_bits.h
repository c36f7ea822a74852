// Floats as integers of the same order.
#pragma once
#include <bit>

#include "tensor/host_device.h"

namespace sil {

// Larger values give larger integers; -0 equals 0; NaN gives 0, less than -infinity's.
template <class Bits, class A>
SIL_HD inline Bits ordered_bits(A x) {
  constexpr Bits sign = Bits(1) << (8 * sizeof(Bits) - 1);
  if (x != x) return 0;
  const Bits b = std::bit_cast<Bits>(x == 0 ? A(0) : x);
  return b & sign ? ~b : b | sign;
}

}  // namespace sil
