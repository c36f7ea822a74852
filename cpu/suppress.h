// Greedy non-maximum suppression of one list: what a kept box suppresses is settled before the next box is looked at,
// so a list is one thread's.
#pragma once
#include <algorithm>
#include <cstdint>

#include "tensor/geometry.h"

namespace sil::cpu {

// boxes [n, 4], best first; keep[i]: no kept box before it overlaps it by more than `threshold`.  `room` holds 5 n
// values: coordinate by coordinate, so that one box meets all later ones in vector code.
template <class T>
void suppress(const T* boxes, int64_t n, T threshold, uint8_t* keep, T* room) {
  T *x1 = room, *y1 = room + n, *x2 = room + 2 * n, *y2 = room + 3 * n, *size = room + 4 * n;
  for (int64_t i = 0; i < n; ++i) {
    const Box<T> b = load_box<T>(boxes + 4 * i);
    x1[i] = b.x1, y1[i] = b.y1, x2[i] = b.x2, y2[i] = b.y2, size[i] = area(b);
  }
  std::fill_n(keep, n, uint8_t(1));
  for (int64_t i = 0; i < n; ++i) {
    if (!keep[i]) continue;
    const Box<T> best{x1[i], y1[i], x2[i], y2[i]};
    const T best_size = size[i];
#pragma omp simd
    for (int64_t j = i + 1; j < n; ++j) {
      const T overlap = iou(best, best_size, Box<T>{x1[j], y1[j], x2[j], y2[j]}, size[j]);
      keep[j] = overlap > threshold ? uint8_t(0) : keep[j];
    }
  }
}

}  // namespace sil::cpu
