// ITU-R 601's luma in fixed point of 16 bits, as Pillow's convert("L").
#pragma once
#include <cstdint>

namespace sil {

inline uint8_t luma(const uint8_t* rgb) {
  return uint8_t((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
}

}  // namespace sil
