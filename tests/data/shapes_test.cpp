#include "data/shapes.h"

#include <doctest/doctest.h>

#include <set>

#include "tests/folder.h"

using namespace sil;

TEST_CASE("shapes: two to six a picture, of three kinds, and no pixel belongs to two") {
  std::set<size_t> counts;
  std::set<int> kinds;
  for (uint64_t i = 0; i < 60; ++i) {
    const ShapesPicture p = draw_shapes(64, RngKey{1}.fold(i));
    REQUIRE(p.image.shape() == Shape{64, 64, 3});
    counts.insert(p.shapes.size());
    std::vector<Rle> masks;
    uint64_t sum = 0;
    for (const VisibleShape& s : p.shapes) {
      kinds.insert(s.category);
      masks.push_back(s.mask);
      sum += area(s.mask);
      CHECK(area(s.mask) >= 6);
    }
    CHECK(area(merge(masks)) == sum);
  }
  CHECK(counts == std::set<size_t>{2, 3, 4, 5, 6});
  CHECK(kinds == std::set<int>{1, 2, 3});
}

TEST_CASE("shapes: some hide others, or the masks would all be whole") {
  // A whole circle, square or triangle of these sizes fills at least 40 % of its box and its column runs are unbroken.
  int broken = 0;
  for (uint64_t i = 0; i < 60; ++i)
    for (const VisibleShape& s : draw_shapes(64, RngKey{2}.fold(i)).shapes)
      broken += double(s.mask.counts.size()) / 2 > bounding_box(s.mask)[2] + 1;
  CHECK(broken > 5);
}

TEST_CASE("shapes: the seed decides everything, to the pixel, on every machine") {
  const auto sum = [](const ShapesPicture& p) {
    uint64_t hash = 0;
    for (uint8_t v : p.image.to_vector<uint8_t>()) hash = splitmix64(hash ^ v);
    for (const VisibleShape& s : p.shapes)
      for (uint32_t run : s.mask.counts) hash = splitmix64(hash ^ run);
    return hash;
  };
  CHECK(sum(draw_shapes(64, RngKey{3})) == sum(draw_shapes(64, RngKey{3})));
  CHECK(sum(draw_shapes(64, RngKey{3})) != sum(draw_shapes(64, RngKey{4})));
  CHECK(sum(draw_shapes(64, RngKey{3})) == 13534150493914711912ull);
}

TEST_CASE("shapes: what cannot be made is refused") {
  const auto refused = [](const std::filesystem::path& folder, ShapesOptions o) {
    return test::error_of([&] { write_shapes(folder, o); });
  };
  const test::Folder folder("shapes");
  CHECK(refused(folder.path, {.images = 0}) == "shapes: images is 0 (1 to 999999 expected)");
  CHECK(refused(folder.path, {.size = 31}) == "shapes: size is 31 (32 to 4096 pixels expected)");
  test::write_text(folder.path / "file", "in the way");
  CHECK(refused(folder.path / "file", {.images = 1}) ==
        (folder.path / "file").string() + ": exists already; a new or an empty folder expected");
}
