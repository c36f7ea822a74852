#include "data/rle.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "data/runs.h"
#include "tensor/check.h"

namespace sil {

namespace {

// Any larger is a mistake in a file; below it, positions fit in 64 bits and columns in memory.
constexpr int64_t kLargestSide = int64_t(1) << 24;

uint64_t pixels(int64_t height, int64_t width) { return uint64_t(height) * uint64_t(width); }

// Steps through the runs of a mask; a mask that ends early stays 0.
struct Reader {
  std::span<const uint32_t> counts;
  size_t next = 0;
  uint64_t left = 0;
  bool value = true;

  explicit Reader(RleView r) : counts(r.counts) { load(); }
  void load() {
    while (left == 0 && next < counts.size()) {
      left = counts[next++];
      value = !value;
    }
    if (left == 0) value = false;
  }
  void skip(uint64_t n) {
    left -= n;
    if (left == 0) load();
  }
};

// Calls visit(a, b, length) for each stretch over which neither mask changes.
template <class F>
void walk(RleView first, RleView second, F visit) {
  Reader a(first), b(second);
  while (a.left > 0 && b.left > 0) {
    const uint64_t n = std::min(a.left, b.left);
    visit(a.value, b.value, n);
    a.skip(n);
    b.skip(n);
  }
}

Rle merge(const Rle& a, const Rle& b, bool intersect) {
  check(a.height == b.height && a.width == b.width, "merge: masks are {} x {} and {} x {}; one size expected", a.height,
        a.width, b.height, b.width);
  Runs runs;
  walk(a, b, [&](bool va, bool vb, uint64_t n) { runs.add(intersect ? va && vb : va || vb, n); });
  return {a.height, a.width, runs.finish()};
}

}  // namespace

void check_mask_size(int64_t height, int64_t width) {
  check(height >= 0 && width >= 0 && height <= kLargestSide && width <= kLargestSide,
        "mask: size is {} x {} (height x width); sides of 0 to {} pixels expected", height, width, kLargestSide);
}

Rle encode_columns(const uint8_t* bits, int64_t height, int64_t width) {
  check_mask_size(height, width);
  Runs runs;
  const uint8_t* end = bits + pixels(height, width);
  for (const uint8_t* p = bits; p < end;) {
    const bool value = *p != 0;
    const uint8_t* q = std::find_if(p + 1, end, [value](uint8_t b) { return (b != 0) != value; });
    runs.add(value, uint64_t(q - p));
    p = q;
  }
  return {height, width, runs.finish()};
}

Rle encode(const Tensor& bits) {
  check(bits.dtype() == DType::u8 && bits.rank() == 2, "encode: bits is {} {}; uint8 [height, width] expected",
        name(bits.dtype()), bits.shape());
  const int64_t height = bits.dim(0), width = bits.dim(1);
  check_mask_size(height, width);
  constexpr int64_t kTile = 64;  // columns turned at a time: each row of a tile is one cache line
  std::vector<uint8_t> tile(size_t(height * kTile));
  Runs runs;
  const uint8_t* from = bits.data<uint8_t>();
  for (int64_t x0 = 0; x0 < width; x0 += kTile) {
    const int64_t columns = std::min(kTile, width - x0);
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < columns; ++x) tile[size_t(x * height + y)] = from[y * width + x0 + x] != 0;
    const uint8_t* end = tile.data() + columns * height;
    for (const uint8_t* p = tile.data(); p < end;) {
      const uint8_t* q = std::find(p + 1, end, uint8_t(*p ^ 1));
      runs.add(*p, uint64_t(q - p));
      p = q;
    }
  }
  return {height, width, runs.finish()};
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

void decode_columns(RleView mask, uint8_t* bits) {
  validate(mask);
  uint8_t value = 0;
  for (const uint32_t n : mask.counts) {
    std::fill_n(bits, n, value);
    bits += n;
    value ^= 1;
  }
}

Tensor decode(RleView mask) {
  validate(mask);
  Tensor bits = Tensor::zeros({mask.height, mask.width}, DType::u8);
  uint8_t* to = bits.data<uint8_t>();
  uint64_t position = 0;
  bool inside = false;
  for (const uint32_t n : mask.counts) {
    if (inside)
      for (uint64_t p = position; p < position + n; ++p)
        to[int64_t(p % uint64_t(mask.height)) * mask.width + int64_t(p / uint64_t(mask.height))] = 1;
    position += n;
    inside = !inside;
  }
  return bits;
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

Rle merge(std::span<const Rle> masks, bool intersect) {
  if (masks.empty()) return {};
  Rle all = masks[0];
  for (const Rle& mask : masks.subspan(1)) all = merge(all, mask, intersect);
  return all;
}

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
