#include <algorithm>
#include <array>
#include <utility>

#include "data/transforms.h"

namespace sil {
namespace {

template <class T>
Tensor mirrored(const Tensor& image) {
  using Pixel = std::array<T, 3>;
  Tensor out(image.shape(), image.dtype());
  const int64_t width = image.dim(1);
  const auto* in = reinterpret_cast<const Pixel*>(image.data<T>());
  auto* to = reinterpret_cast<Pixel*>(out.data<T>());
  for (int64_t y = 0; y < image.dim(0); ++y, in += width, to += width) std::reverse_copy(in, in + width, to);
  return out;
}

}  // namespace

void flip_horizontal(Example& e) {
  const float width = float(e.photo.dim(1));
  e.photo = e.photo.dtype() == DType::u8 ? mirrored<uint8_t>(e.photo) : mirrored<float>(e.photo);
  for (size_t i = 0; i < e.boxes.size(); i += 4) {  // x1, x2 change places
    const float x1 = e.boxes[i];
    e.boxes[i] = width - e.boxes[i + 2];
    e.boxes[i + 2] = width - x1;
  }
  for (Rle& mask : e.masks) mask = flip_horizontal(mask);
}

}  // namespace sil
