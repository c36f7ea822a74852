#include "data/exif.h"

#include <algorithm>
#include <string_view>

namespace sil {

namespace {

// Numbers of a TIFF block, in the byte order that it names; 0 where it has ended.
struct Tiff {
  std::span<const uint8_t> bytes;
  bool little = false;

  uint32_t number(size_t at, int width) const {
    uint32_t value = 0;
    for (int i = 0; i < width; ++i) {
      const size_t p = at + size_t(little ? width - 1 - i : i);
      value = value << 8 | (p < bytes.size() ? bytes[p] : 0);
    }
    return value;
  }
};

bool begins(std::span<const uint8_t> block, std::string_view with) {
  return block.size() >= with.size() && std::equal(with.begin(), with.end(), block.begin());
}

}  // namespace

int exif_orientation(std::span<const uint8_t> block) {
  using namespace std::string_view_literals;
  if (begins(block, "Exif\0\0"sv)) block = block.subspan(6);
  if (!begins(block, "II*\0"sv) && !begins(block, "MM\0*"sv)) return 0;
  const Tiff tiff{block, block[0] == 'I'};
  const size_t directory = tiff.number(4, 4), entries = tiff.number(directory, 2);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + 12 * i;
    if (entry + 12 > block.size()) break;
    if (tiff.number(entry, 2) != 0x0112) continue;
    const uint32_t value = tiff.number(entry + 8, 2);
    return value >= 1 && value <= 8 ? int(value) : 0;
  }
  return 0;
}

Tensor apply_orientation(const Tensor& image, int orientation) {
  if (orientation <= 1) return image;
  const int64_t height = image.dim(0), width = image.dim(1);
  const bool turned = orientation >= 5;  // rows become columns
  const int64_t out_height = turned ? width : height, out_width = turned ? height : width;
  // Which way the source's columns and rows run, for 1 to 8.
  const bool x_back = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool y_back = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Tensor out({out_height, out_width, 3}, DType::u8);
  const uint8_t* from = image.data<uint8_t>();
  uint8_t* to = out.data<uint8_t>();
  for (int64_t v = 0; v < out_height; ++v)
    for (int64_t u = 0; u < out_width; ++u, to += 3) {
      const int64_t x = turned ? v : u, y = turned ? u : v;
      std::copy_n(from + 3 * ((y_back ? height - 1 - y : y) * width + (x_back ? width - 1 - x : x)), 3, to);
    }
  return out;
}

}  // namespace sil
