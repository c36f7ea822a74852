#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tensor/ops.h"
#include "tests/cpu/golden.h"
#include "tests/cpu/random_boxes.h"

using namespace sil;

namespace {

// The value of one pixel of the photo, in double.  x1, y1, x2, y2 are the expanded box's whole corners.
double plain_value(const std::vector<float>& mask, int side, const PlainBox& corners, int y, int x) {
  const auto inside = [&](double v, double a, double b) { return v >= a && v < a + std::max(1.0, b - a + 1); };
  if (!inside(x, corners[0], corners[2]) || !inside(y, corners[1], corners[3])) return 0;
  const auto source = [&](double v, double a, double b) {
    const double at = (v - a + 0.5) * (side + 2) / std::max(1.0, b - a + 1) - 0.5;
    return std::clamp(at, 0.0, double(side + 1)) - 1;  // in cells of the mask, whose border lies one cell outside
  };
  const double v = source(y, corners[1], corners[3]), u = source(x, corners[0], corners[2]);
  double sum = 0;
  for (int i = 0; i < side; ++i)
    for (int j = 0; j < side; ++j)
      sum +=
          double(mask[size_t(i * side + j)]) * std::max(0.0, 1 - std::abs(v - i)) * std::max(0.0, 1 - std::abs(u - j));
  return sum;
}

PlainBox plain_corners(const PlainBox& b, int side) {
  const double grow = double(side + 2) / side, w = (b[2] - b[0]) / 2 * grow, h = (b[3] - b[1]) / 2 * grow;
  const double x = (b[0] + b[2]) / 2, y = (b[1] + b[3]) / 2;
  return {std::trunc(x - w), std::trunc(y - h), std::trunc(x + w), std::trunc(y + h)};
}

std::vector<float> random_mask(int side, RngKey key) {
  std::vector<float> m;
  for (int i = 0; i < side * side; ++i) m.push_back(key.uniform(uint64_t(i)));
  return m;
}

}  // namespace

TEST_CASE("paste_mask: a mask of ones fills its box and fades in a border, by hand") {
  // Side 2, box from 2 to 6: expanded twofold to 0..8, 9 pixels for 4 padded cells.  Pixel x reads (x + 0.5) * 4 / 9 -
  // 0.5: 0 for x = 0, 1/6 for 1, 11/18 for 2 and 1 1/18 for 3.
  const Tensor ones = Tensor::full({2, 2}, 1), box = Tensor::of<float>({4}, {2, 2, 6, 6});
  const auto soft = ops::paste_soft_mask(ones, box, 9, 9).to_vector<float>();
  const std::vector<double> row{0, 1.0 / 6, 11.0 / 18, 1, 1, 1, 11.0 / 18, 1.0 / 6, 0};
  for (size_t x = 0; x < 9; ++x)
    for (size_t y = 0; y < 9; ++y) CHECK(soft[x * 9 + y] == doctest::Approx(row[x] * row[y]).epsilon(1e-5));
  const auto bits = ops::paste_mask(ones, box, 9, 9, 0.5f).to_vector<uint8_t>();
  for (size_t i = 0; i < 81; ++i) CHECK(bits[i] == (soft[i] >= 0.5f));
}

TEST_CASE("paste_mask: a value equal to the threshold is in; bits are column-major") {
  // Side 1, box 2..4: expanded threefold to 0..6, 7 pixels for 3 cells; only the middle pixel reads the cell's centre.
  const auto bits = ops::paste_mask(Tensor::full({1, 1}, 0.5), Tensor::of<float>({4}, {2, 2, 4, 4}), 7, 9, 0.5f);
  CHECK(bits.shape() == Shape{9, 7});
  const auto v = bits.to_vector<uint8_t>();
  CHECK(v[3 * 7 + 3] == 1);
  CHECK(std::count(v.begin(), v.end(), 1) == 1);
}

TEST_CASE("paste_mask: the table of cases equals plain loops") {
  for (BoxKind kind : {BoxKind::ordinary, BoxKind::whole_pixels, BoxKind::one_pixel, BoxKind::thin, BoxKind::outside})
    for (int side : {1, 3, 14, 28}) {
      CAPTURE(int(kind));
      CAPTURE(side);
      const int height = 19, width = 27;
      for (const PlainBox& b : random_boxes(6, kind, RngKey{77}, width, height)) {
        const auto mask = random_mask(side, RngKey{uint64_t(side)});
        const Tensor m = Tensor::of<float>({side, side}, mask), box = box_tensor<float>({b}).view({4});
        const auto soft = ops::paste_soft_mask(m, box, height, width).to_vector<float>();
        const auto bits = ops::paste_mask(m, box, height, width, 0.5f).to_vector<uint8_t>();
        const PlainBox corners = plain_corners(b, side);
        double worst = 0;
        for (int x = 0; x < width; ++x)
          for (int y = 0; y < height; ++y) {
            const double want = plain_value(mask, side, corners, y, x);
            worst = std::max(worst, std::abs(want - double(soft[size_t(x * height + y)])));
            if (std::abs(want - 0.5) > 1e-5) CHECK(bool(bits[size_t(x * height + y)]) == (want >= 0.5));
          }
        CHECK(worst < 1e-5);
      }
    }
}

TEST_CASE("paste_mask: NaN and infinite boxes, empty photos") {
  const Tensor m = Tensor::full({28, 28}, 1);
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const auto none = ops::paste_mask(m, Tensor::of<float>({4}, {nan, 0, 5, 5}), 4, 3, 0.5f).to_vector<uint8_t>();
  CHECK(std::count(none.begin(), none.end(), 0) == 12);
  const auto all =
      ops::paste_mask(m, Tensor::of<float>({4}, {-1e38f, -1e38f, 1e38f, 1e38f}), 4, 3, 0.5f).to_vector<uint8_t>();
  CHECK(std::count(all.begin(), all.end(), 1) == 12);
  CHECK(ops::paste_mask(m, Tensor::of<float>({4}, {-inf, -inf, inf, inf}), 4, 3, 0.5f).numel() == 12);
  CHECK(ops::paste_mask(m, Tensor::of<float>({4}, {0, 0, 5, 5}), 0, 3, 0.5f).numel() == 0);
  CHECK(ops::paste_mask(m, Tensor::of<float>({4}, {0, 0, 5, 5}), 3, 0, 0.5f).numel() == 0);
}

TEST_CASE("paste_mask: bit for bit torchvision's paste_masks_in_image") {
  const Golden golden("paste_mask");
  const Tensor boxes = golden.floats("boxes"), masks = golden.floats("masks");
  const auto size = golden.ints("size").to_vector<int32_t>(), ends = golden.ints("run_ends").to_vector<int32_t>();
  const auto begin = golden.ints("run_begin").to_vector<int32_t>();
  for (int64_t r = 0; r < boxes.dim(0); ++r) {
    CAPTURE(r);
    const Tensor mask = masks.rows(r, r + 1).view({14, 14}), box = boxes.rows(r, r + 1).view({4});
    const auto bits = ops::paste_mask(mask, box, size[0], size[1], 0.5f).to_vector<uint8_t>();
    std::vector<uint8_t> want;
    for (int32_t k = begin[size_t(r)]; k < begin[size_t(r) + 1]; ++k)
      want.resize(size_t(ends[size_t(k)]), uint8_t((k - begin[size_t(r)]) % 2));
    CHECK(bits == want);
    if (r == 0)
      CHECK(largest_difference(ops::paste_soft_mask(mask, box, size[0], size[1]), golden.floats("soft0")) < 1e-6);
  }
}

namespace {

// Ends of runs of bits, zeros first.
std::vector<int32_t> plain_ends(const std::vector<uint8_t>& bits) {
  std::vector<int32_t> ends;
  uint8_t value = 0;
  for (size_t i = 0; i < bits.size(); ++i)
    if (bits[i] != value) ends.push_back(int32_t(i)), value = bits[i];
  ends.push_back(int32_t(bits.size()));
  return ends;
}

}  // namespace

TEST_CASE("paste_runs: the runs of paste_mask's bits, each mask in its photo; those beyond the capacity are counted") {
  const std::vector<std::pair<int, int>> photos{{19, 27}, {31, 8}, {1, 40}, {40, 1}, {0, 5}, {5, 0}};
  for (BoxKind kind :
       {BoxKind::ordinary, BoxKind::whole_pixels, BoxKind::one_pixel, BoxKind::thin, BoxKind::outside, BoxKind::nan})
    for (int64_t side : {1, 3, 28})
      for (float threshold : {0.0f, 0.5f, 1.0f}) {
        CAPTURE(int(kind));
        CAPTURE(side);
        CAPTURE(threshold);
        const int64_t count = 18, capacity = 40;
        std::vector<float> values = random_mask(int(side), RngKey{3});
        for (int64_t d = 1; d < count; ++d) {
          const std::vector<float> more = d % 4 == 1   ? std::vector<float>(size_t(side * side), 1.0f)
                                          : d % 4 == 2 ? std::vector<float>(size_t(side * side), 0.0f)
                                                       : random_mask(int(side), RngKey{uint64_t(d)});
          values.insert(values.end(), more.begin(), more.end());
        }
        std::vector<int32_t> size;
        for (int64_t d = 0; d < count; ++d)
          size.insert(size.end(), {photos[size_t(d % 6)].first, photos[size_t(d % 6)].second});
        const Tensor masks = Tensor::of({count, side, side}, values);
        const Tensor boxes = box_tensor<float>(random_boxes(count, kind, RngKey{5}, 27, 25));
        const ops::PastedRuns runs = ops::paste_runs(masks, boxes, Tensor::of({count, 2}, size), threshold, capacity);
        for (int64_t d = 0; d < count; ++d) {
          CAPTURE(d);
          const auto [height, width] = photos[size_t(d % 6)];
          const std::vector<int32_t> want =
              plain_ends(ops::paste_mask(masks.rows(d, d + 1).view({side, side}), boxes.rows(d, d + 1).view({4}),
                                         height, width, threshold)
                             .to_vector<uint8_t>());
          CHECK(runs.count.data<int32_t>()[d] == int32_t(want.size()));
          const int32_t* found = runs.ends.data<int32_t>() + d * capacity;
          for (size_t k = 0; k < want.size() && k < size_t(capacity); ++k) CHECK(found[k] == want[k]);
        }
      }
}
