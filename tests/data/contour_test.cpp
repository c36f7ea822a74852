#include "data/contour.h"

#include <doctest/doctest.h>

#include <random>

#include "tensor/check.h"

using namespace sil;

namespace {

Rle mask_of(int64_t height, int64_t width, const std::vector<uint8_t>& rows) {
  return encode(Tensor::of<uint8_t>({height, width}, rows));
}

// Rows of '#' and '.'.
Rle drawn(const std::vector<std::string>& rows) {
  std::vector<uint8_t> bits;
  for (const std::string& row : rows)
    for (const char c : row) bits.push_back(c == '#');
  return mask_of(int64_t(rows.size()), int64_t(rows[0].size()), bits);
}

Rle without(const Rle& mask, const Rle& other) {
  Tensor bits = decode(mask);
  const Tensor taken = decode(other);
  for (int64_t i = 0; i < bits.numel(); ++i)
    if (taken.data<uint8_t>()[i]) bits.data<uint8_t>()[i] = 0;
  return encode(bits);
}

Rle filled(const Contour& c, int64_t height, int64_t width) {
  Rle region = rasterise(c.outer, height, width);
  for (const Polygon& hole : c.holes) region = without(region, rasterise(hole, height, width));
  return region;
}

// The mask put together of regions and holes.
Rle filled(const std::vector<Contour>& all, int64_t height, int64_t width) {
  std::vector<Rle> regions{rasterise(Polygon{}, height, width)};
  for (const Contour& c : all) regions.push_back(filled(c, height, width));
  return merge(regions);
}

// Twice the area inside, above 0 if clockwise as one sees it.
double turn(const Polygon& p) {
  double sum = 0;
  for (size_t i = 0; i < p.size(); i += 2) {
    const size_t j = (i + 2) % p.size();
    sum += p[i] * p[j + 1] - p[j] * p[i + 1];
  }
  return sum;
}

bool comes_back(const Rle& mask) { return rasterise(to_polygons(mask), mask.height, mask.width) == mask; }

}  // namespace

TEST_CASE("contour: every mask of 3 x 3 and of 4 x 4 pixels comes back from COCO's rasteriser") {
  for (const int64_t side : {3, 4}) {
    int64_t wrong = 0, wrong_holes = 0;
    std::vector<uint8_t> bits(size_t(side * side));
    for (uint32_t pattern = 0; pattern < uint32_t(1) << side * side; ++pattern) {
      for (size_t i = 0; i < bits.size(); ++i) bits[i] = pattern >> i & 1;
      const Rle mask = mask_of(side, side, bits);
      wrong += !comes_back(mask);
      wrong_holes += side == 3 && filled(contours(mask), side, side) != mask;
    }
    CHECK(wrong == 0);
    CHECK(wrong_holes == 0);
  }
}

TEST_CASE("contour: random masks come back, and regions without their holes make them too") {
  std::mt19937 random(7);
  for (int i = 0; i < 300; ++i) {
    const int64_t height = 1 + int64_t(random() % 23), width = 1 + int64_t(random() % 23);
    const uint32_t density = random() % 101;
    std::vector<uint8_t> bits(size_t(height * width));
    for (uint8_t& b : bits) b = random() % 100 < density;
    const Rle mask = mask_of(height, width, bits);
    CAPTURE(to_string(mask));
    CHECK(comes_back(mask));
    const std::vector<Contour> all = contours(mask);
    CHECK(filled(all, height, width) == mask);
    CHECK(to_polygons(mask).size() == all.size());
    for (const Contour& c : all) {
      CHECK(turn(c.outer) > 0);
      for (const Polygon& hole : c.holes) CHECK(turn(hole) < 0);
    }
  }
}

TEST_CASE("contour: a ring is its outline and its hole, and in COCO's form one part with a cut") {
  const Rle ring = drawn({"....", ".###", ".#.#", ".###"});
  const std::vector<Contour> all = contours(ring);
  REQUIRE(all.size() == 1);
  CHECK(all[0].outer == Polygon{4, 1, 4, 4, 1, 4, 1, 1});
  REQUIRE(all[0].holes.size() == 1);
  CHECK(all[0].holes[0] == Polygon{2, 2, 2, 3, 3, 3, 3, 2});
  CHECK(to_polygons(ring) == std::vector<Polygon>{{2, 1, 2, 3, 3, 3, 3, 2, 2, 2, 2, 1, 4, 1, 4, 4, 1, 4, 1, 1}});
  // Why there is a cut: parts are united, so as a part of its own the hole would be filled.
  CHECK(area(rasterise(std::vector<Polygon>{all[0].outer, all[0].holes[0]}, 4, 4)) == 9);
}

TEST_CASE("contour: rings within rings come back") {
  std::vector<std::string> rows(21, std::string(21, '.'));
  for (size_t ring = 0; ring < 10; ring += 2)
    for (size_t i = ring; i < 21 - ring; ++i)
      rows[ring][i] = rows[20 - ring][i] = rows[i][ring] = rows[i][20 - ring] = '#';
  const Rle mask = drawn(rows);
  CHECK(comes_back(mask));
  const std::vector<Contour> all = contours(mask);
  CHECK(all.size() == 5);
  for (const Contour& c : all) CHECK(c.holes.size() == 1);
  CHECK(filled(all, 21, 21) == mask);
}

TEST_CASE("contour: pixels that meet at a corner alone are regions of their own") {
  std::vector<uint8_t> bits(30 * 31);
  for (size_t i = 0; i < bits.size(); ++i) bits[i] = (i / 31 + i % 31) % 2 == 0;
  const Rle checks = mask_of(30, 31, bits);
  CHECK(contours(checks).size() == 465);
  CHECK(comes_back(checks));
  for (uint8_t& b : bits) b ^= 1;
  CHECK(comes_back(mask_of(30, 31, bits)));
  CHECK(contours(drawn({"###", "#.#", "##."})).at(0).holes.size() == 0);  // the hole is open at its corner
}

TEST_CASE("contour: masks without pixels, of one row or column, and large ones in a few runs") {
  CHECK(to_polygons(Rle{0, 0, {0}}).empty());
  CHECK(contours(Rle{3, 5, {15}}).empty());
  CHECK(comes_back(Rle{3, 5, {15}}));
  CHECK(to_polygons(Rle{1, 5, {1, 2, 2}}) == std::vector<Polygon>{{3, 0, 3, 1, 1, 1, 1, 0}});
  CHECK(to_polygons(Rle{5, 1, {1, 2, 2}}) == std::vector<Polygon>{{1, 1, 1, 3, 0, 3, 0, 1}});
  const Rle square{4000, 4000, {0, 16'000'000}};
  CHECK(to_polygons(square) == std::vector<Polygon>{{4000, 0, 4000, 4000, 0, 4000, 0, 0}});
  CHECK(comes_back(square));
  const std::vector<int64_t> counts{250'000, 9'999'000'000, 750'000};
  const Rle huge = from_counts(counts, 100'000, 100'000);
  CHECK(to_polygons(huge).at(0).size() == 16);
  CHECK(comes_back(huge));
}

TEST_CASE("contour: empty runs leave no seam") {
  CHECK(to_polygons(Rle{4, 2, {1, 1, 0, 1, 2, 0, 3}}) == std::vector<Polygon>{{1, 1, 1, 3, 0, 3, 0, 1}});
}
