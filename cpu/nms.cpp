// Greedy non-maximum suppression of each image's candidates: the levels of the RPN, the classes of the box head are
// suppressed each for itself, a thread each, and the best of all are kept.
#include <algorithm>
#include <limits>

#include "cpu/cpu.h"
#include "cpu/dispatch.h"
#include "tensor/geometry.h"
#include "tensor/threads.h"

namespace sil::cpu {
namespace {

// Up to so many boxes are compared at coordinates moved by group * (largest coordinate + 1): torchvision's batched_nms
// does so on the CPU, and the sums' rounding can tip an overlap that lies at the threshold.
constexpr int64_t kMovedApart = 1000;

// boxes [n, 4], best first; keep[i]: no kept box before it overlaps it by more than `threshold`.  What a kept box
// suppresses is settled before the next is looked at.  `room` holds 5 n values: coordinate by coordinate, so that one
// box meets all later ones in vector code.
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

// One image's candidates.
template <class T>
struct Image {
  const T *boxes, *scores;
  const int32_t* groups;
  int64_t count;

  bool takes_part(int64_t i, const NmsGeom& g) const {
    const T *b = boxes + 4 * i, side = T(g.min_side);
    return b[2] - b[0] >= side && b[3] - b[1] >= side && scores[i] > T(g.score_above);  // NaN is neither
  }
};

// How far apart the groups are moved.
template <class T>
T group_distance(const Image<T>& image, const int32_t* order, int64_t n) {
  if (n > kMovedApart) return 0;
  T largest = -std::numeric_limits<T>::infinity();
  for (int64_t i = 0; i < n; ++i) {
    const T* box = image.boxes + 4 * order[i];
    largest = std::max(largest, *std::max_element(box, box + 4));
  }
  return largest + 1;
}

// Best first, equal scores in order; -1 behind the last.
template <class T>
void select_from(const Image<T>& image, NmsGeom g, int32_t* rows, int64_t limit, Scratch& scratch) {
  const size_t room = size_t(image.count);
  int32_t *order = scratch.take_n<int32_t>(room), *listed = scratch.take_n<int32_t>(room);
  int64_t n = 0;
  for (int64_t i = 0; i < image.count; ++i)
    if (image.takes_part(i, g)) order[n++] = int32_t(i);
  std::stable_sort(order, order + n, [&](int32_t a, int32_t b) { return image.scores[a] > image.scores[b]; });

  // Places in `order`, group by group.
  for (int64_t i = 0; i < n; ++i) listed[i] = int32_t(i);
  const auto group_of = [&](int32_t place) { return image.groups[order[place]]; };
  std::stable_sort(listed, listed + n, [&](int32_t a, int32_t b) { return group_of(a) < group_of(b); });
  int64_t* begin = scratch.take_n<int64_t>(room + 1);  // of each group in `listed`
  int64_t groups = 0;
  for (int64_t i = 0; i < n; ++i)
    if (i == 0 || group_of(listed[i]) != group_of(listed[i - 1])) begin[groups++] = i;
  begin[groups] = n;

  const T distance = group_distance(image, order, n), threshold = not_above<T>(g.threshold);
  T *boxes = scratch.take_n<T>(room * 4), *columns = scratch.take_n<T>(room * 5);
  uint8_t *keep = scratch.take_n<uint8_t>(room), *kept = scratch.take_n<uint8_t>(room);
  parallel_for(groups, 1, [&](int64_t first, int64_t last) {
    for (int64_t k = first; k < last; ++k) {
      const T offset = T(group_of(listed[begin[k]])) * distance;
      for (int64_t i = begin[k]; i < begin[k + 1]; ++i)
        for (int c = 0; c < 4; ++c) boxes[4 * i + c] = image.boxes[4 * order[listed[i]] + c] + offset;
      suppress(boxes + 4 * begin[k], begin[k + 1] - begin[k], threshold, keep + begin[k], columns + 5 * begin[k]);
      for (int64_t i = begin[k]; i < begin[k + 1]; ++i) kept[listed[i]] = keep[i];
    }
  });
  int64_t found = 0;
  for (int64_t i = 0; i < n && found < limit; ++i)
    if (kept[i]) rows[found++] = order[i];
  std::fill(rows + found, rows + limit, -1);
}

}  // namespace

void nms(Stream, In boxes, In scores, In groups, Out rows, NmsGeom g, Scratch& scratch) {
  const int64_t count = boxes.dim(1), limit = rows.dim(1);
  for_boxes(boxes.dtype(), [&](auto t) {
    using T = decltype(t);
    for (int64_t n = 0; n < boxes.dim(0); ++n)
      select_from<T>(
          {boxes.data<T>() + n * count * 4, scores.data<T>() + n * count, groups.data<int32_t>() + n * count, count}, g,
          rows.data<int32_t>() + n * limit, limit, scratch);
  });
}

}  // namespace sil::cpu
