// A soft mask goes into the photo as torchvision's paste_masks_in_image puts it there.
#include <algorithm>

#include "cpu/cpu.h"
#include "tensor/geometry.h"
#include "tensor/threads.h"

namespace sil::cpu {
namespace {

// Columns of the photo, one after the other; `store` turns a value into an element.
template <class T, class Store>
void paste(In mask, const PasteWindow& window, int64_t height, int64_t width, T* out, Store store) {
  const int side = int(mask.dim(0)), padded = side + 2;
  const float* soft = mask.data<float>();
  const auto at = [=](int y, int x) {
    const bool inside = y >= 1 && y <= side && x >= 1 && x <= side;
    return inside ? soft[(y - 1) * side + x - 1] : 0.0f;
  };
  const int64_t top = std::clamp<int64_t>(window.y, 0, height);
  const int64_t bottom = std::clamp<int64_t>(window.y + window.height, top, height);

  parallel_for(width, 1 + (1 << 17) / (1 + bottom - top), [&](int64_t begin, int64_t end) {
    for (int64_t x = begin; x < end; ++x) {
      T* column = out + x * height;
      std::fill_n(column, height, store(0.0f));
      if (x < window.x || x >= window.x + window.width) continue;
      const auto across = resize_read<float>(x - window.x, padded, window.width);
      float profile[kMaxPasteSide + 2];
      for (int y = 0; y < padded; ++y) profile[y] = across.w0 * at(y, across.i0) + across.w1 * at(y, across.i1);
      for (int64_t y = top; y < bottom; ++y) {
        const auto down = resize_read<float>(y - window.y, padded, window.height);
        column[y] = store(down.w0 * profile[down.i0] + down.w1 * profile[down.i1]);
      }
    }
  });
}

}  // namespace

void paste_mask(Stream, In mask, In box, float threshold, Out bits) {
  const auto window = paste_window(load_box<float>(box.data<float>()), int(mask.dim(0)));
  const int64_t width = bits.dim(0), height = bits.dim(1);
  if (bits.dtype() == DType::f32)
    paste(mask, window, height, width, bits.data<float>(), [](float v) { return v; });
  else
    paste(mask, window, height, width, bits.data<uint8_t>(), [=](float v) { return uint8_t(v >= threshold); });
}

}  // namespace sil::cpu
