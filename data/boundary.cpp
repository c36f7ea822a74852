// Eroded as runs.  Down the columns each stretch loses `radius` pixels at both ends.  Over 2 * radius + 1 columns a
// pixel stays if all of them have it: a column further is height positions further, and windows double, so a few passes
// do.
#include "data/boundary.h"

#include <algorithm>
#include <cmath>

#include "data/runs.h"
#include "tensor/check.h"

namespace sil {

namespace {

struct Stretch {
  uint64_t begin, end;  // positions in column order
};

// What lies inside, neighbours joined.
std::vector<Stretch> stretches(RleView mask) {
  std::vector<Stretch> out;
  uint64_t position = 0;
  for (size_t i = 0; i + 1 < mask.counts.size(); i += 2) {
    const uint64_t begin = position + mask.counts[i];
    position = begin + mask.counts[i + 1];
    if (begin == position) continue;
    if (!out.empty() && out.back().end == begin)
      out.back().end = position;
    else
      out.push_back({begin, position});
  }
  return out;
}

// Without `radius` pixels at both ends of every column's stretches.
std::vector<Stretch> shorten(const std::vector<Stretch>& inside, uint64_t height, uint64_t radius) {
  std::vector<Stretch> out;
  if (height <= 2 * radius) return out;
  for (const auto [begin, end] : inside)
    for (uint64_t top = begin / height * height; top < end; top += height) {
      const uint64_t first = std::max(begin, top) + radius, last = std::min(end, top + height);
      if (first + radius < last) out.push_back({first, last - radius});
    }
  return out;
}

// The pixels that are there `shift` positions further on too.  Stretches and shift are of whole columns.
void keep_repeated(std::vector<Stretch>& inside, uint64_t shift, std::vector<Stretch>& out) {
  out.clear();
  auto a = inside.begin();
  auto b = std::ranges::find_if(inside, [&](const Stretch& s) { return s.begin >= shift; });
  while (b != inside.end()) {
    const uint64_t begin = std::max(a->begin, b->begin - shift), end = std::min(a->end, b->end - shift);
    if (begin < end) out.push_back({begin, end});
    ++(a->end + shift < b->end ? a : b);
  }
  std::swap(inside, out);
}

std::vector<Stretch> eroded(const std::vector<Stretch>& mask, uint64_t height, uint64_t radius) {
  std::vector<Stretch> inside = shorten(mask, height, radius), work;
  const uint64_t columns = 2 * radius + 1;
  uint64_t window = 1;  // a pixel of `inside` stands for so many columns from its own on
  for (; 2 * window <= columns && !inside.empty(); window *= 2) keep_repeated(inside, window * height, work);
  if (window < columns) keep_repeated(inside, (columns - window) * height, work);
  for (auto& [begin, end] : inside) {
    begin += radius * height;
    end += radius * height;
  }
  return inside;
}

}  // namespace

Rle erode(RleView mask, int64_t radius) {
  validate(mask);
  check(radius >= 0, "erode: radius is {}; 0 or more expected", radius);
  Runs runs;
  uint64_t position = 0;
  for (const auto [begin, end] : eroded(stretches(mask), uint64_t(mask.height), uint64_t(radius))) {
    runs.add(false, begin - position);
    runs.add(true, end - begin);
    position = end;
  }
  runs.add(false, uint64_t(mask.height) * uint64_t(mask.width) - position);
  return {mask.height, mask.width, runs.finish()};
}

int64_t boundary_width(int64_t height, int64_t width) {
  const double diagonal = std::sqrt(double(height * height + width * width));
  return std::max<int64_t>(1, std::llround(0.02 * diagonal - 1e-10));
}

Rle boundary(RleView mask) {
  validate(mask);
  const uint64_t height = uint64_t(mask.height);
  const std::vector<Stretch> inside = stretches(mask);
  const std::vector<Stretch> core = eroded(inside, height, uint64_t(boundary_width(mask.height, mask.width)));
  Runs runs;
  uint64_t position = 0;
  auto hole = core.begin();
  for (const auto [begin, end] : inside) {
    runs.add(false, begin - position);
    position = begin;
    for (; hole != core.end() && hole->begin < end; ++hole) {
      runs.add(true, hole->begin - position);
      runs.add(false, hole->end - hole->begin);
      position = hole->end;
    }
    runs.add(true, end - position);
    position = end;
  }
  runs.add(false, height * uint64_t(mask.width) - position);
  return {mask.height, mask.width, runs.finish()};
}

}  // namespace sil
