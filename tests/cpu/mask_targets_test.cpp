#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/cpu/golden.h"
#include "tests/cpu/random_boxes.h"
#include "tests/cpu/targets_of.h"

using namespace sil;

namespace {

struct PlainMask {
  int height, width;
  std::vector<uint8_t> pixels;  // row-major
  int at(int y, int x) const { return pixels[size_t(y * width + x)]; }
};

PlainMask random_mask(int height, int width, RngKey key) {
  PlainMask m{height, width, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) m.pixels.push_back(key.uniform(uint64_t(y / 3 * 1000 + x / 2)) < 0.4f);
  return m;
}

MaskRuns encode(const std::vector<PlainMask>& masks) {
  std::vector<int32_t> ends, begin{0}, size;
  for (const PlainMask& m : masks) {
    int value = 0;
    for (int i = 0; i < m.height * m.width; ++i)
      if (m.at(i % m.height, i / m.height) != value) ends.push_back(i), value = 1 - value;
    ends.push_back(m.height * m.width);
    begin.push_back(int32_t(ends.size()));
    size.push_back(m.height), size.push_back(m.width);
  }
  return {Tensor::of<int32_t>({int64_t(ends.size())}, ends), Tensor::of<int32_t>({int64_t(begin.size())}, begin),
          Tensor::of<int32_t>({int64_t(masks.size()), 2}, size)};
}

// One bilinear read at a time, in double.
double plain_read(const PlainMask& m, double y, double x) {
  if (!(y >= -1 && y <= m.height && x >= -1 && x <= m.width) || m.pixels.empty()) return 0;
  double sum = 0;
  y = std::clamp(y, 0.0, double(m.height - 1)), x = std::clamp(x, 0.0, double(m.width - 1));
  for (int i = 0; i < m.height; ++i)
    for (int j = 0; j < m.width; ++j)
      sum += m.at(i, j) * std::max(0.0, 1 - std::abs(y - i)) * std::max(0.0, 1 - std::abs(x - j));
  return sum;
}

double plain_target(const PlainMask& m, const PlainBox& b, int side, int i, int j) {
  for (double v : b)
    if (std::isnan(v)) return 0;
  const double height = std::max(1.0, double(float(b[3]) - float(b[1]))) / side;
  const double width = std::max(1.0, double(float(b[2]) - float(b[0]))) / side;
  const int down = int(std::ceil(float(height))), across = int(std::ceil(float(width)));
  double sum = 0;
  for (int p = 0; p < down; ++p)
    for (int q = 0; q < across; ++q)
      sum += plain_read(m, b[1] + height * (i + (p + 0.5) / down), b[0] + width * (j + (q + 0.5) / across));
  return sum / (down * across);
}

Tensor ints(const std::vector<int32_t>& v) { return Tensor::of<int32_t>({int64_t(v.size())}, v); }

}  // namespace

TEST_CASE("mask targets: a mask of ones is ones inside, by hand") {
  const MaskRuns e = encode({PlainMask{8, 8, std::vector<uint8_t>(64, 1)}});
  CHECK(targets_of(Tensor::of<float>({1, 4}, {2, 2, 6, 6}), ints({0}), e, 2) == std::vector<double>{1, 1, 1, 1});
}

TEST_CASE("mask targets: half a mask, by hand") {
  // Columns 0..3 are 0, 4..7 are 1.  A RoI from x = 2 to 6 in two bins of two reads, at 2.5, 3.5 and 4.5, 5.5: pixel i
  // has its centre at i, so the read at 3.5 is one half.
  PlainMask m{8, 8, {}};
  for (int i = 0; i < 64; ++i) m.pixels.push_back(i % 8 >= 4);
  const MaskRuns e = encode({m});
  CHECK(targets_of(Tensor::of<float>({1, 4}, {2, 0, 6, 4}), ints({0}), e, 2) == std::vector<double>{0.25, 1, 0.25, 1});
}

TEST_CASE("mask targets: the table of cases equals plain loops") {
  struct Row {
    const char* what;
    int height, width;
    BoxKind kind;
    int side;
  };
  for (const Row& c : {Row{"ordinary", 23, 31, BoxKind::ordinary, 7}, Row{"one pixel mask", 1, 1, BoxKind::ordinary, 4},
                       Row{"a column", 40, 1, BoxKind::ordinary, 5}, Row{"empty masks", 0, 9, BoxKind::ordinary, 3},
                       Row{"one pixel boxes", 9, 9, BoxKind::one_pixel, 7},
                       Row{"huge aspect", 12, 10, BoxKind::thin, 3}, Row{"outside", 12, 10, BoxKind::outside, 3},
                       Row{"NaN", 12, 10, BoxKind::nan, 3}, Row{"one bin", 12, 10, BoxKind::ordinary, 1}}) {
    CAPTURE(c.what);
    std::vector<PlainMask> masks;
    for (int g = 0; g < 3; ++g) masks.push_back(random_mask(c.height, c.width, RngKey{uint64_t(20 + g)}));
    const auto boxes = random_boxes(10, c.kind, RngKey{31}, std::max(c.width, 1), std::max(c.height, 1));
    std::vector<int32_t> object;
    for (int r = 0; r < 10; ++r) object.push_back(r % 4 - 1);
    const MaskRuns e = encode(masks);
    const std::vector<double> t = targets_of(box_tensor<float>(boxes), ints(object), e, c.side);
    double worst = 0;
    for (int r = 0; r < 10; ++r)
      for (int i = 0; i < c.side; ++i)
        for (int j = 0; j < c.side; ++j) {
          const double want = object[size_t(r)] < 0
                                  ? 0
                                  : plain_target(masks[size_t(object[size_t(r)])], boxes[size_t(r)], c.side, i, j);
          const double e1 = std::abs(want - t[size_t((r * c.side + i) * c.side + j)]);
          worst = e1 <= worst ? worst : e1;
        }
    CHECK(worst < 2e-5);
  }
}

TEST_CASE("mask targets: no rows, no objects, and RoIs of no sensible size") {
  const MaskRuns none = encode({}), one = encode({random_mask(5, 5, RngKey{1})});
  CHECK(targets_of(Tensor::zeros({0, 4}), ints({}), one, 4).empty());
  const std::vector<double> zero{0};
  CHECK(targets_of(Tensor::zeros({1, 4}), ints({-1}), none, 1) == zero);
  const float inf = std::numeric_limits<float>::infinity();
  CHECK(targets_of(Tensor::of<float>({1, 4}, {-inf, 0, inf, 4}), ints({0}), one, 1) == zero);
  CHECK(targets_of(Tensor::of<float>({1, 4}, {0, 0, 1e30f, 4}), ints({0}), one, 1) == zero);
}

TEST_CASE("mask targets: a RoI so large that a bin has more reads than an int counts") {
  // Of 60,000 x 60,000 reads, at 0.5, 1.5 and so on, 10 x 10 fall on the mask.
  const MaskRuns ones = encode({{10, 10, std::vector<uint8_t>(100, 1)}});
  const std::vector<double> t = targets_of(Tensor::of<double>({1, 4}, {0, 0, 60000, 60000}), ints({0}), ones, 1);
  CHECK(t[0] == doctest::Approx(100 / 3.6e9));
}

TEST_CASE("mask targets: 500 objects") {
  std::vector<PlainMask> masks;
  for (int g = 0; g < 500; ++g) masks.push_back(random_mask(20, 24, RngKey{uint64_t(g)}));
  const auto boxes = random_boxes(500, BoxKind::ordinary, RngKey{6}, 24, 20);
  std::vector<int32_t> object;
  for (int r = 0; r < 500; ++r) object.push_back(499 - r);
  const MaskRuns e = encode(masks);
  const std::vector<double> t = targets_of(box_tensor<float>(boxes), ints(object), e, 2);
  for (int r = 0; r < 500; ++r)
    CHECK(t[size_t(4 * r + 3)] ==
          doctest::Approx(plain_target(masks[size_t(499 - r)], boxes[size_t(r)], 2, 1, 1)).epsilon(1e-5));
}

TEST_CASE("mask targets: equal torchvision's project_masks_on_boxes") {
  const Golden golden("mask_targets");
  const MaskRuns masks{golden.ints("run_ends"), golden.ints("run_begin"), golden.ints("size")};
  const auto worst = [&](int64_t rows, int64_t side, const Tensor& want) {
    const std::vector<double> t =
        targets_of(golden.floats("rois").rows(0, rows), golden.ints("object").rows(0, rows), masks, side);
    return largest_difference(ops::cast(Tensor::of(want.shape(), t), DType::f32), want);
  };
  CHECK(worst(12, 28, golden.floats("targets28")) < 2e-6);
  CHECK(worst(golden.ints("object").dim(0), 14, golden.floats("targets14")) < 2e-6);
}
