// The few calls of stb_image that are used, so that its code is compiled once, in stb.cpp.  Inside data/ only.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sil {

struct StbImage {
  int height = 0, width = 0, channels = 0;  // 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA
  std::vector<uint8_t> pixels;              // [height, width, channels]
};

// A number in a PNG: four bytes, the highest first.
inline uint32_t png_number(const uint8_t* p) {
  return uint32_t(p[0]) << 24 | uint32_t(p[1]) << 16 | uint32_t(p[2]) << 8 | p[3];
}

// 16 bit grey is cut off at 255 on request; otherwise of 16 bits the upper 8 are kept.
StbImage stb_decode(const uint8_t* bytes, size_t size, const std::string& name, bool cut_off_16_bit);
void stb_size(const uint8_t* bytes, size_t size, const std::string& name, int& height, int& width);
std::string stb_png(const uint8_t* pixels, int height, int width, int channels);

}  // namespace sil
