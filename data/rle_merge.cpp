// Union and intersection.
#include <algorithm>
#include <utility>
#include <vector>

#include "data/rle.h"
#include "data/runs.h"
#include "tensor/check.h"

namespace sil {

namespace {

// Where a mask changes between outside and inside, in column order, 0 coming first; then its number of pixels.
void find_changes(RleView mask, std::vector<uint64_t>& changes) {
  changes.resize(mask.counts.size());
  uint64_t position = 0;
  for (size_t i = 0; i < changes.size(); ++i) changes[i] = position += mask.counts[i];
  const uint64_t pixels = uint64_t(mask.height) * uint64_t(mask.width);
  if (changes.empty() || changes.back() < pixels) changes.push_back(pixels);
}

// Where their union or intersection changes.
void combine(const std::vector<uint64_t>& first, const std::vector<uint64_t>& second, bool intersect,
             std::vector<uint64_t>& out) {
  out.resize(first.size() + second.size());
  const uint64_t *a = first.data(), *b = second.data(), pixels = first.back();
  uint64_t* next = out.data();
  // A union is an intersection of what is outside.
  unsigned in_a = !intersect, in_b = in_a, in_both = in_a;
  for (uint64_t position = 0; position < pixels;) {  // no jumps: which mask changes next is anyone's guess
    position = std::min(*a, *b);
    const unsigned a_changes = *a == position, b_changes = *b == position;
    a += a_changes;
    b += b_changes;
    in_a ^= a_changes;
    in_b ^= b_changes;
    *next = position;
    next += in_both ^ (in_a & in_b);
    in_both = in_a & in_b;
  }
  out.resize(size_t(next - out.data()));
  if (out.empty() || out.back() < pixels) out.push_back(pixels);
}

}  // namespace

Rle merge(std::span<const Rle> masks, bool intersect) {
  if (masks.size() < 2) return masks.empty() ? Rle{} : masks[0];
  const int64_t height = masks[0].height, width = masks[0].width;
  std::vector<uint64_t> merged, one, out;
  find_changes(masks[0], merged);
  for (const Rle& mask : masks.subspan(1)) {
    check(mask.height == height && mask.width == width, "merge: masks are {} x {} and {} x {}; one size expected",
          height, width, mask.height, mask.width);
    find_changes(mask, one);
    combine(merged, one, intersect, out);
    std::swap(merged, out);
  }
  return {height, width, runs_between(merged, merged.back())};
}

}  // namespace sil
