// Overlap of masks and boxes, as pycocotools has it.
#include <algorithm>
#include <cmath>

#include "data/rle.h"

namespace sil {

namespace {

// The stretches of a mask, one after the other, from the first that ends past `from`.
struct Stretches {
  const uint32_t *next, *stop;
  uint64_t begin = 0, end = 0;

  Stretches(RleView mask, uint64_t from) : next(mask.counts.data()), stop(next + mask.counts.size() / 2 * 2) {
    while (next != stop && end <= from) advance(true);
  }
  void advance(bool forward) {  // no jump: which mask is the one to go on is anyone's guess
    const uint64_t further = end + next[0], past = further + next[1];
    begin = forward ? further : begin;
    end = forward ? past : end;
    next += forward ? 2 : 0;
  }
};

// Pixels of both masks; none lies before `from`, nor at `to` or past it.
uint64_t common(RleView first, RleView second, uint64_t from, uint64_t to) {
  Stretches a(first, from), b(second, from);
  uint64_t sum = 0;
  const auto add = [&] {
    const uint64_t begin = std::max(a.begin, b.begin), end = std::min(a.end, b.end);
    sum += end > begin ? end - begin : 0;
  };
  while (a.next != a.stop && b.next != b.stop && std::max(a.begin, b.begin) < to) {
    add();
    const bool first_ends = a.end < b.end;
    a.advance(first_ends);
    b.advance(!first_ends);
  }
  while (std::max(a.begin, b.begin) < to) {
    add();
    Stretches& s = a.end < b.end ? a : b;
    if (s.next == s.stop) break;
    s.advance(true);
  }
  return sum;
}

// What pycocotools' walk over the runs sees: it takes two runs without pixels at one place for the end of both masks.
double iou_to_empty_runs(RleView detection, RleView truth, const Extent& of_detection, bool crowd) {
  size_t i = 1, j = 1;
  uint32_t left = detection.counts[0], right = truth.counts[0];
  uint64_t both = 0, either = 0;
  bool in_detection = false, in_truth = false;
  do {
    const uint32_t n = std::min(left, right);
    both += in_detection && in_truth ? n : 0;
    either += in_detection || in_truth ? n : 0;
    left -= n;
    right -= n;
    if (left == 0 && i < detection.counts.size()) left = detection.counts[i++], in_detection = !in_detection;
    if (right == 0 && j < truth.counts.size()) right = truth.counts[j++], in_truth = !in_truth;
  } while (left > 0 || right > 0);
  return both == 0 ? 0 : double(both) / double(crowd ? of_detection.area : either);
}

}  // namespace

double iou(const std::array<double, 4>& detection, const std::array<double, 4>& truth, bool crowd) {
  const auto& [dx, dy, dw, dh] = detection;
  const auto& [tx, ty, tw, th] = truth;
  const double w = std::fmin(dw + dx, tw + tx) - std::fmax(dx, tx);
  if (w <= 0) return 0;
  const double h = std::fmin(dh + dy, th + ty) - std::fmax(dy, ty);
  if (h <= 0) return 0;
  const double both = w * h, own = dw * dh;
  return both / (crowd ? own : own + tw * th - both);
}

double iou(RleView detection, const Extent& of_detection, RleView truth, const Extent& of_truth, bool crowd) {
  const auto& [dx, dy, dw, dh] = of_detection.box;
  const auto& [tx, ty, tw, th] = of_truth.box;
  // As pycocotools: masks whose boxes do not meet have 0, whatever their sizes.
  const double left = std::max(dx, tx), right = std::min(dx + dw, tx + tw);
  if (right <= left || std::min(dy + dh, ty + th) <= std::max(dy, ty)) return 0;
  const uint64_t height = uint64_t(truth.height), width = uint64_t(truth.width);
  if (detection.height != truth.height || detection.width != truth.width) return -1;
  if (of_detection.empty_runs && of_truth.empty_runs && height * width >> 32 == 0)
    return iou_to_empty_runs(detection, truth, of_detection, crowd);

  const uint64_t both = common(detection, truth, uint64_t(left) * height, uint64_t(right) * height);
  if (both == 0) return 0;
  return double(both) / double(crowd ? of_detection.area : of_detection.area + of_truth.area - both);
}

double iou(RleView detection, RleView truth, bool crowd) {
  return iou(detection, extent(detection), truth, extent(truth), crowd);
}

}  // namespace sil
