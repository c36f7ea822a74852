// Masks moved as runs, column by column: pixels are never laid out.
#include <algorithm>
#include <cmath>

#include "data/rle.h"
#include "data/runs.h"
#include "tensor/check.h"

namespace sil {

namespace {

// Rows [begin, end) inside the mask.
struct Interval {
  int64_t begin, end;
};

// Gives each column's intervals, in any order of columns.
class Columns {
 public:
  explicit Columns(const Rle& mask) : height_(mask.height) {
    validate(mask);
    uint64_t end = 0;
    for (const uint32_t n : mask.counts) ends_.push_back(end += n);
    first_run_.resize(size_t(mask.width));
    size_t run = 0;
    for (size_t x = 0; x < first_run_.size() && height_ > 0; ++x) {
      while (ends_[run] <= x * uint64_t(height_)) ++run;
      first_run_[x] = run;
    }
  }

  const std::vector<Interval>& operator[](int64_t x) {
    intervals_.clear();
    const int64_t top = x * height_, bottom = top + height_;
    int64_t row = top;
    for (size_t run = first_run_[size_t(x)]; row < bottom; ++run) {
      const int64_t end = std::min(int64_t(ends_[run]), bottom);
      if (run % 2 == 1 && end > row) intervals_.push_back({row - top, end - top});
      row = end;
    }
    return intervals_;
  }

 private:
  int64_t height_;
  std::vector<uint64_t> ends_;     // of the runs, cumulative
  std::vector<size_t> first_run_;  // the run that holds each column's first pixel
  std::vector<Interval> intervals_;
};

void add_column(Runs& runs, const std::vector<Interval>& intervals, int64_t height) {
  int64_t row = 0;
  for (const auto [begin, end] : intervals) {
    const int64_t from = std::min(begin, height), to = std::min(end, height);
    runs.add(false, uint64_t(from - row));
    runs.add(true, uint64_t(to - from));
    row = to;
  }
  runs.add(false, uint64_t(height - row));
}

int64_t nearest(int64_t i, int64_t in, int64_t out) {
  const float ratio = float(in) / float(out);
  return std::min(int64_t(std::floor(float(i) * ratio)), in - 1);
}

}  // namespace

Rle resize_nearest(const Rle& mask, int64_t height, int64_t width) {
  check_mask_size(height, width);
  check(mask.height > 0 && mask.width > 0, "resize_nearest: mask is {} x {}; at least a pixel expected", mask.height,
        mask.width);
  // first[y]: the first output row whose source is row y or below, so an interval's ends map to output rows.
  std::vector<int64_t> first(size_t(mask.height) + 1, height);
  for (int64_t y = 0, source = 0; y < height; ++y)
    for (const int64_t s = nearest(y, mask.height, height); source <= s; ++source) first[size_t(source)] = y;

  Columns columns(mask);
  std::vector<Interval> moved;
  Runs runs;
  for (int64_t x = 0, last = -1; x < width; ++x) {
    const int64_t source = nearest(x, mask.width, width);
    if (source != last) {
      moved = columns[source];
      for (auto& [begin, end] : moved) {
        begin = first[size_t(begin)];
        end = first[size_t(end)];
      }
      last = source;
    }
    add_column(runs, moved, height);
  }
  return {height, width, runs.finish()};
}

Rle flip_horizontal(const Rle& mask) {
  Columns columns(mask);
  Runs runs;
  for (int64_t x = mask.width - 1; x >= 0; --x) add_column(runs, columns[x], mask.height);
  return {mask.height, mask.width, runs.finish()};
}

Rle crop_or_pad(const Rle& mask, int64_t height, int64_t width) {
  check_mask_size(height, width);
  Columns columns(mask);
  Runs runs;
  for (int64_t x = 0; x < std::min(width, mask.width); ++x) add_column(runs, columns[x], height);
  if (width > mask.width) runs.add(false, uint64_t(width - mask.width) * uint64_t(height));
  return {height, width, runs.finish()};
}

}  // namespace sil
