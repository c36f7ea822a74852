// A soft mask goes into the photo as torchvision's paste_masks_in_image puts it there.
#include <algorithm>

#include "cpu/cpu.h"
#include "tensor/geometry.h"
#include "tensor/threads.h"

namespace sil::cpu {
namespace {

// A soft mask in its window of the photo.
struct Pasted {
  const float* soft;
  int side;
  PasteWindow window;

  Pasted(const float* mask, int64_t m, const float* box)
      : soft(mask), side(int(m)), window(paste_window(load_box<float>(box), side)) {}

  float at(int y, int x) const {
    const bool inside = y >= 1 && y <= side && x >= 1 && x <= side;
    return inside ? soft[(y - 1) * side + x - 1] : 0.0f;
  }

  // What column x reads of each padded row; false, and nothing, outside the window.
  bool profile(int64_t x, float* values) const {
    if (x < window.x || x >= window.x + window.width) return false;
    const auto across = resize_read<float>(x - window.x, side + 2, window.width);
    for (int y = 0; y < side + 2; ++y) values[y] = across.w0 * at(y, across.i0) + across.w1 * at(y, across.i1);
    return true;
  }

  // Rows [0, height) of a column of the photo; `store` turns a value into an element.
  template <class T, class Store>
  void column(int64_t x, int64_t height, T* out, Store store) const {
    std::fill_n(out, height, store(0.0f));
    float values[kMaxPasteSide + 2];
    if (!profile(x, values)) return;
    const int64_t top = std::clamp<int64_t>(window.y, 0, height);
    const int64_t bottom = std::clamp<int64_t>(window.y + window.height, top, height);
    for (int64_t y = top; y < bottom; ++y) {
      const auto down = resize_read<float>(y - window.y, side + 2, window.height);
      out[y] = store(down.w0 * values[down.i0] + down.w1 * values[down.i1]);
    }
  }
};

template <class T, class Store>
void paste(const Pasted& mask, int64_t height, int64_t width, T* out, Store store) {
  const int64_t grain = 1 + (1 << 17) / (1 + std::min(height, mask.window.height));
  parallel_for(width, grain, [&](int64_t begin, int64_t end) {
    for (int64_t x = begin; x < end; ++x) mask.column(x, height, out + x * height, store);
  });
}

// One row of `ends`; returns how many runs there are.  The rows' reads are the same for every column.
int32_t runs_of(const Pasted& mask, int64_t height, int64_t width, float threshold, LinearRead<float>* reads,
                int64_t capacity, int32_t* ends) {
  const int64_t top = std::clamp<int64_t>(mask.window.y, 0, height);
  const int64_t bottom = std::clamp<int64_t>(mask.window.y + mask.window.height, top, height);
  for (int64_t y = top; y < bottom; ++y)
    reads[y] = resize_read<float>(y - mask.window.y, mask.side + 2, mask.window.height);
  const PasteWalk walk = paste_walk(mask.window, height, width, threshold);
  int32_t count = 0;
  const auto end_run = [&](int64_t at) {
    if (count < capacity) ends[count] = int32_t(at);
    ++count;
  };
  bool inside = false;
  float profile[kMaxPasteSide + 2];
  for (int64_t x = walk.left; x < walk.right; ++x) {
    const bool across = mask.profile(x, profile);
    for (int64_t y = walk.top; y < walk.bottom; ++y) {
      const LinearRead<float>& down = reads[y];
      const bool read = across && y >= top && y < bottom;
      const bool now = (read ? down.w0 * profile[down.i0] + down.w1 * profile[down.i1] : 0.0f) >= threshold;
      if (now != inside) end_run(x * height + y), inside = now;
    }
  }
  end_run(height * width);
  return count;
}

}  // namespace

void paste_mask(Stream, In mask, In box, float threshold, Out bits) {
  const Pasted pasted(mask.data<float>(), mask.dim(0), box.data<float>());
  const int64_t width = bits.dim(0), height = bits.dim(1);
  if (bits.dtype() == DType::f32)
    paste(pasted, height, width, bits.data<float>(), [](float v) { return v; });
  else
    paste(pasted, height, width, bits.data<uint8_t>(), [=](float v) { return uint8_t(v >= threshold); });
}

void paste_runs(Stream, In masks, In boxes, In size, float threshold, Out ends, Out count, Scratch& scratch) {
  const int64_t rows = masks.dim(0), side = masks.dim(1), capacity = ends.dim(1), workers = threads();
  const int32_t* photo = size.data<int32_t>();
  int64_t highest = 0;
  for (int64_t d = 0; d < rows; ++d) highest = std::max<int64_t>(highest, photo[2 * d]);
  LinearRead<float>* reads = scratch.take_n<LinearRead<float>>(size_t(workers * highest));
  parallel_for(workers, 1, [&](int64_t first, int64_t last) {
    for (int64_t w = first; w < last; ++w)
      for (int64_t d = rows * w / workers; d < rows * (w + 1) / workers; ++d) {
        const Pasted mask(masks.data<float>() + d * side * side, side, boxes.data<float>() + 4 * d);
        count.data<int32_t>()[d] = runs_of(mask, photo[2 * d], photo[2 * d + 1], threshold, reads + w * highest,
                                           capacity, ends.data<int32_t>() + d * capacity);
      }
  });
}

}  // namespace sil::cpu
