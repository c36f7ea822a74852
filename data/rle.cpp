#include "data/rle.h"

#include <algorithm>
#include <limits>

#include "data/runs.h"
#include "tensor/check.h"

namespace sil {

namespace {

// Any larger is a mistake in a file; below it, positions fit in 64 bits and columns in memory.
constexpr int64_t kLargestSide = int64_t(1) << 24;

uint64_t pixels(int64_t height, int64_t width) { return uint64_t(height) * uint64_t(width); }

}  // namespace

void check_mask_size(int64_t height, int64_t width) {
  check(height >= 0 && width >= 0 && height <= kLargestSide && width <= kLargestSide,
        "mask: size is {} x {} (height x width); sides of 0 to {} pixels expected", height, width, kLargestSide);
}

std::vector<uint32_t> runs_between(std::span<const uint64_t> changes, uint64_t pixels) {
  if (pixels > std::numeric_limits<uint32_t>::max()) {
    Runs runs;
    uint64_t last = 0;
    bool inside = false;
    for (const uint64_t position : changes) {
      runs.add(inside, position - last);
      last = position;
      inside = !inside;
    }
    runs.add(inside, pixels - last);
    return runs.finish();
  }
  std::vector<uint32_t> counts(changes.size() + 1);
  size_t size = 0;
  uint64_t begin = 0;  // of the run that ends next
  for (const uint64_t position : changes)
    if (position == begin && size > 0) {  // a run without pixels: the one before goes on
      begin -= counts[--size];
    } else {
      counts[size++] = uint32_t(position - begin);
      begin = position;
    }
  if (begin < pixels || size == 0) counts[size++] = uint32_t(pixels - begin);
  counts.resize(size);
  return counts;
}

Rle from_counts(std::span<const int64_t> counts, int64_t height, int64_t width) {
  check_mask_size(height, width);
  const int64_t expected = height * width;
  int64_t sum = 0;
  for (const int64_t n : counts) {
    check(n >= 0, "mask: a run of {} pixels; 0 or more expected", n);
    check(n <= expected - sum, "mask: runs run over {} x {} = {} pixels by {} or more", height, width, expected,
          n - (expected - sum));
    sum += n;
  }
  check(sum == expected, "mask: runs fall short of {} x {} = {} pixels by {}", height, width, expected, expected - sum);

  Rle mask{height, width, {}};
  mask.counts.reserve(counts.size());
  constexpr int64_t longest = std::numeric_limits<uint32_t>::max();
  for (int64_t n : counts) {
    for (; n > longest; n -= longest) mask.counts.insert(mask.counts.end(), {uint32_t(longest), 0});
    mask.counts.push_back(uint32_t(n));
  }
  return mask;
}

uint64_t area(RleView mask) {
  uint64_t sum = 0;
  for (size_t i = 1; i < mask.counts.size(); i += 2) sum += mask.counts[i];
  return sum;
}

Extent extent(RleView mask) {
  const std::span<const uint32_t> counts = mask.counts;
  const uint64_t height = uint64_t(mask.height);
  Extent out;
  out.empty_runs = counts.size() % 2 == 1 && counts.size() > 1 && counts.back() == 0;
  uint64_t first = 0, last = 0;                                          // pixels inside
  uint64_t column = 0, top = std::max<uint64_t>(height, 1), bottom = 0;  // the run's column as a position; rows inside
  uint64_t position = 0;
  for (size_t i = 0; i + 1 < counts.size(); i += 2) {
    const uint64_t begin = position + counts[i], end = begin + counts[i + 1];
    out.empty_runs |= (counts[i] == 0 && i > 0) || counts[i + 1] == 0;
    position = end;
    if (begin == end) continue;
    if (out.area == 0) first = begin;
    last = end - 1;
    out.area += end - begin;
    column += begin - column >= height ? height : 0;  // mostly the next one
    if (begin - column >= height) column = begin / height * height;
    top = std::min(top, begin - column);
    bottom = std::max(bottom, end - column);
    if (end - column > height) {  // into another column: touches top and bottom
      top = 0;
      column = last / height * height;
    }
  }
  if (out.area == 0) return out;
  const uint64_t left = first / height;
  out.box = {double(left), double(top), double(last / height - left + 1), double(std::min(bottom, height) - top)};
  return out;
}

std::array<double, 4> bounding_box(RleView mask) { return extent(mask).box; }

void validate(RleView mask) {
  check_mask_size(mask.height, mask.width);
  const uint64_t expected = pixels(mask.height, mask.width);
  uint64_t sum = 0;
  for (const uint32_t n : mask.counts) sum += n;
  check(sum <= expected, "mask: runs run over {} x {} = {} pixels by {}", mask.height, mask.width, expected,
        sum - expected);
  check(sum >= expected, "mask: runs fall short of {} x {} = {} pixels by {}", mask.height, mask.width, expected,
        expected - sum);
}

}  // namespace sil
