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
  unsigned in_a = !intersect, in_b = in_a;
  // One mask's changes before `limit`, up to where the other does not change.
  const auto follow = [&](const uint64_t*& changes, unsigned& in, unsigned in_other, uint64_t limit) {
    const uint64_t* begin = changes;
    while (*changes < limit) ++changes;
    if (in_other) next = std::copy(begin, changes, next);
    in ^= unsigned(changes - begin) & 1;
  };
  follow(a, in_a, in_b, std::min(*b, pixels));
  follow(b, in_b, in_a, std::min(*a, pixels));
  // No jumps: which changes next is anyone's guess.  What may come after is read before that is known.
  uint64_t at_a = *a, at_b = *b;
  for (unsigned in_both = in_a & in_b; at_a < pixels && at_b < pixels;) {
    const uint64_t after_a = a[1], after_b = b[1];
    const unsigned a_changes = at_a <= at_b, b_changes = at_b <= at_a;
    *next = std::min(at_a, at_b);
    a += a_changes;
    b += b_changes;
    at_a = a_changes ? after_a : at_a;
    at_b = b_changes ? after_b : at_b;
    in_a ^= a_changes;
    in_b ^= b_changes;
    next += in_both ^ (in_a & in_b);
    in_both = in_a & in_b;
  }
  follow(a, in_a, in_b, pixels);
  follow(b, in_b, in_a, pixels);
  *next++ = pixels;
  out.resize(size_t(next - out.data()));
}

}  // namespace

Rle merge(std::span<const Rle> masks, bool intersect) {
  if (masks.size() < 2) return masks.empty() ? Rle{} : masks[0];
  const int64_t height = masks[0].height, width = masks[0].width;
  static thread_local std::vector<uint64_t> merged, one, out;
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
