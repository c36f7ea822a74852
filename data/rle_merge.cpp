// Union and intersection.
#include <algorithm>
#include <utility>
#include <vector>

#include "data/rle.h"
#include "data/runs.h"
#include "tensor/check.h"

namespace sil {

namespace {

// Walks a mask's runs; skips empty ones.
struct Walk {
  std::span<const uint32_t> rest;
  uint64_t left = 0;  // of the run
  bool inside = true;

  explicit Walk(RleView mask) : rest(mask.counts) {}
  void go(uint64_t pixels) {
    left -= pixels;
    for (; left == 0 && !rest.empty(); rest = rest.subspan(1)) {
      left = rest[0];
      inside = !inside;
    }
  }
};

std::vector<uint32_t> merge_any(RleView first, RleView second, bool intersect) {
  Walk a(first), b(second);
  Runs runs;
  a.go(0);
  b.go(0);
  while (a.left > 0 && b.left > 0) {
    const uint64_t both = std::min(a.left, b.left);
    runs.add(intersect ? a.inside && b.inside : a.inside || b.inside, both);
    a.go(both);
    b.go(both);
  }
  return runs.finish();
}

// Its runs are as encode() makes them: none but the first is empty, none is in two.
bool is_plain(RleView mask) {
  const std::span<const uint32_t> counts = mask.counts;
  if (counts.empty()) return false;
  uint64_t sum = counts[0];
  uint32_t empty = 0;
#pragma omp simd reduction(+ : sum) reduction(| : empty)
  for (size_t i = 1; i < counts.size(); ++i) {
    sum += counts[i];
    empty |= counts[i] == 0;
  }
  return !empty && sum >> 32 == 0 && sum == uint64_t(mask.height) * uint64_t(mask.width);
}

// Of plain masks of pixels, the first of which begins first.  Mostly masks meet in a few columns: before and behind
// these the runs of one of them are the result's.
std::vector<uint32_t> merge_plain(std::span<const uint32_t> first, std::span<const uint32_t> second, bool intersect,
                                  uint64_t pixels) {
  static thread_local std::vector<uint32_t> room;
  if (room.size() < first.size() + second.size() + 1) room.resize(first.size() + second.size() + 1);
  const uint32_t *a = first.data(), *b = second.data();  // the runs that we are in
  uint64_t a_end = *a, b_end = *b, last = 0;             // where they end; the result's last change
  uint32_t* out = room.data();
  while (a_end < b_end) a_end += *++a;
  if (!intersect) {
    out = std::copy(first.data(), a, out);
    last = a_end - *a;
  }

  // A union is an intersection of what is outside.
  unsigned in_a = unsigned((a - first.data()) & 1) ^ !intersect, in_b = !intersect;
  // No jumps: which changes next is anyone's guess.  What may come after is read before that is known.
  for (unsigned in_both = in_a & in_b; a_end < pixels && b_end < pixels;) {
    const uint64_t at = std::min(a_end, b_end), a_more = a[1], b_more = b[1];
    const unsigned a_changes = a_end <= b_end, b_changes = b_end <= a_end;
    a += a_changes;
    b += b_changes;
    a_end += a_changes ? a_more : 0;
    b_end += b_changes ? b_more : 0;
    in_a ^= a_changes;
    in_b ^= b_changes;
    const unsigned changes = in_both ^ (in_a & in_b);
    in_both = in_a & in_b;
    *out = uint32_t(at - last);
    out += changes;
    last = changes ? at : last;
  }
  // One changes no more: what is left is the other's, or one run.
  if (a_end < pixels) {
    std::swap(a, b);
    std::swap(a_end, b_end);
    std::swap(in_a, in_b);
    std::swap(first, second);
  }
  if (in_a) {
    *out++ = uint32_t(b_end - last);
    out = std::copy(b + 1, second.data() + second.size(), out);
  } else {
    *out++ = uint32_t(pixels - last);
  }
  return {room.data(), out};
}

Rle merge_two(const Rle& a, const Rle& b, bool intersect) {
  const uint64_t pixels = uint64_t(a.height) * uint64_t(a.width);
  if (!is_plain(a) || !is_plain(b)) return {a.height, a.width, merge_any(a, b, intersect)};
  const bool a_first = a.counts[0] <= b.counts[0];
  return {a.height, a.width,
          merge_plain(a_first ? a.counts : b.counts, a_first ? b.counts : a.counts, intersect, pixels)};
}

}  // namespace

Rle merge(std::span<const Rle> masks, bool intersect) {
  if (masks.empty()) return {};
  Rle merged = masks[0];
  for (const Rle& mask : masks.subspan(1)) {
    check(mask.height == merged.height && mask.width == merged.width,
          "merge: masks are {} x {} and {} x {}; one size expected", merged.height, merged.width, mask.height,
          mask.width);
    merged = merge_two(merged, mask, intersect);
  }
  return merged;
}

}  // namespace sil
