#include "tensor/rng.h"

#include <cmath>
#include <numbers>

namespace sil {

RngKey RngKey::fold(std::string_view name) const {
  uint64_t h = 0xCBF29CE484222325ull;  // FNV-1a
  for (unsigned char c : name) h = (h ^ c) * 0x100000001B3ull;
  return fold(h);
}

double RngKey::normal(uint64_t i) const {
  const double u = 1.0 - uniform64(2 * i);  // in (0, 1]
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * uniform64(2 * i + 1));
}

}  // namespace sil
