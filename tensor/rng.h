// Random numbers by counter: value i of a key is a hash of both, so any device and any number of threads draw the same
// numbers, and a run resumes without stored state.  The hash is splitmix64 (Steele et al. 2014).
#pragma once
#include <cstdint>
#include <string_view>

#include "tensor/host_device.h"

namespace sil {

SIL_HD inline uint64_t splitmix64(uint64_t z) {
  z += 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

// A stream of random numbers.  fold derives independent streams: key.fold(step).fold(image).
struct RngKey {
  uint64_t state = 0;

  SIL_HD RngKey fold(uint64_t n) const { return {splitmix64(state ^ splitmix64(n + 0x632BE59BD9B4E019ull))}; }
  RngKey fold(std::string_view name) const;
  SIL_HD uint64_t bits(uint64_t i) const { return splitmix64(state + i * 0xD1342543DE82EF95ull); }
  // In [0, 1), 24 bits.
  SIL_HD float uniform(uint64_t i) const { return float(bits(i) >> 40) * 0x1p-24f; }
  // In [0, 1), 53 bits.
  SIL_HD double uniform64(uint64_t i) const { return double(bits(i) >> 11) * 0x1p-53; }
  // An integer in [0, n), n > 0.
  SIL_HD int64_t below(uint64_t i, int64_t n) const { return int64_t(uniform64(i) * double(n)); }
};

}  // namespace sil
