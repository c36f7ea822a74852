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

__extension__ typedef unsigned __int128 uint128;  // ISO C++ has none

Extent extent(RleView mask) {
  const std::span<const uint32_t> counts = mask.counts;
  const uint64_t height = std::max<uint64_t>(uint64_t(mask.height), 1), reciprocal = ~uint64_t(0) / height;
  uint64_t position = 0, pixels = 0, first = 0, end = 0, top = height, bottom = 0;  // inside
  size_t empty = 0;
  for (size_t i = 0; i + 1 < counts.size(); i += 2) {
    const uint64_t begin = position + counts[i], length = counts[i + 1];
    position = begin + length;
    empty += counts[i] == 0;
    if (length == 0) [[unlikely]] {
      ++empty;
      continue;
    }
    if (pixels == 0) first = begin;
    end = position;
    pixels += length;
    // A division takes as long as ten of these products; its column is at most one too low.
    const uint64_t column = uint64_t(uint128(begin) * reciprocal >> 64);
    uint64_t row = begin - column * height;
    row -= row >= height ? height : 0;
    top = std::min(top, row + length > height ? 0 : row);  // into another column: touches top and bottom
    bottom = std::max(bottom, row + length);
  }
  if (counts.size() % 2 == 1) empty += counts.back() == 0;
  Extent out{pixels, {}, empty > (!counts.empty() && counts[0] == 0)};
  if (pixels == 0) return out;
  const uint64_t left = first / height;
  out.box = {double(left), double(top), double((end - 1) / height - left + 1), double(std::min(bottom, height) - top)};
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
