#include "models/anchors.h"

#include <doctest/doctest.h>

using namespace sil;

namespace {

std::vector<float> row(const Tensor& t, int64_t r) { return t.rows(r, r + 1).to_vector<float>(); }

}  // namespace

TEST_CASE("anchors: a level's base boxes have the area and the ratios, rounded half to even") {
  const Tensor base = base_anchors(32, {0.5f, 1, 2});
  CHECK(base.to_vector<float>() == std::vector<float>{-23, -11, 23, 11, -16, -16, 16, 16, -11, -23, 11, 23});
  CHECK(base_anchors(5, {1, 1, 1}).rows(0, 1).to_vector<float>() == std::vector<float>{-2, -2, 2, 2});  // 2.5
}

TEST_CASE("anchors: of 800 x 800, p6 has 13 cells and stride 61") {
  std::vector<Shape> pyramid;
  for (int64_t cells : {200, 100, 50, 25, 13}) pyramid.push_back({1, cells, cells, 256});
  const Tensor a = make_anchors(pyramid, 800, 800, base_anchors(ModelConfig()));
  const int64_t before_p6 = 3 * (200 * 200 + 100 * 100 + 50 * 50 + 25 * 25);
  REQUIRE(a.shape() == Shape{before_p6 + 3 * 13 * 13, 4});
  CHECK(row(a, 1) == std::vector<float>{-16, -16, 16, 16});
  CHECK(row(a, 4) == std::vector<float>{-12, -16, 20, 16});            // one cell to the right: 4 pixels
  CHECK(row(a, 3 * 200 + 1) == std::vector<float>{-16, -12, 16, 20});  // one cell down
  CHECK(row(a, before_p6 + 1) == std::vector<float>{-256, -256, 256, 256});
  CHECK(row(a, before_p6 + 3 + 1) == std::vector<float>{61 - 256, -256, 61 + 256, 256});
  CHECK(row(a, before_p6 + 3 * 13 + 1) == std::vector<float>{-256, 61 - 256, 256, 61 + 256});
}
