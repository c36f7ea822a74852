#include <algorithm>
#include <array>
#include <utility>

#include "data/transforms.h"

namespace sil {
namespace {

Tensor mirrored(const Tensor& image) {
  using Pixel = std::array<uint8_t, 3>;
  Tensor out(image.shape(), DType::u8);
  const int64_t width = image.dim(1);
  const auto* in = reinterpret_cast<const Pixel*>(image.data<uint8_t>());
  auto* to = reinterpret_cast<Pixel*>(out.data<uint8_t>());
  for (int64_t y = 0; y < image.dim(0); ++y, in += width, to += width) std::reverse_copy(in, in + width, to);
  return out;
}

}  // namespace

void flip_horizontal(Example& e) {
  const float width = float(e.photo.dim(1));
  e.photo = mirrored(e.photo);
  for (size_t i = 0; i < e.boxes.size(); i += 4) {  // x1, x2 change places
    const float x1 = e.boxes[i];
    e.boxes[i] = width - e.boxes[i + 2];
    e.boxes[i + 2] = width - x1;
  }
  for (Rle& mask : e.masks) mask = flip_horizontal(mask);
}

}  // namespace sil
