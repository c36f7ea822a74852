#include "viz/mask_facts.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "viz/colour.h"

using namespace sil;

namespace {

// Rows of "#" and ".".
Rle mask_of(const std::vector<std::string>& rows) {
  Tensor bits({int64_t(rows.size()), int64_t(rows[0].size())}, DType::u8);
  uint8_t* to = bits.data<uint8_t>();
  for (const std::string& row : rows)
    for (const char c : row) *to++ = c == '#';
  return encode(bits);
}

}  // namespace

TEST_CASE("mask facts: a ring and a pixel beside it, by hand") {
  const Rle mask = mask_of({".......",  //
                            ".###...",  //
                            ".#.#.#.",  //
                            ".###...",  //
                            "......."});
  const std::vector<Contour> regions = contours(mask);
  const MaskFacts facts = mask_facts(mask, regions);
  CHECK(facts.area == 9);
  CHECK(facts.box == std::array<double, 4>{1, 1, 5, 3});
  CHECK(facts.parts == 2);
  CHECK(facts.holes == 1);
  CHECK(facts.perimeter == 12 + 4 + 4);
  CHECK_FALSE(facts.touches_border);
  const std::string path = exact_path(regions);
  CHECK(std::count(path.begin(), path.end(), 'Z') == 3);
  CHECK(path.find_first_not_of("MHVZ0123456789 ") == std::string::npos);
}

TEST_CASE("mask facts: what touches the photo's border, and nothing at all") {
  const Rle touching = mask_of({"....", "..##"});
  CHECK(mask_facts(touching, contours(touching)).touches_border);
  const Rle empty = mask_of({"...."});
  const MaskFacts none = mask_facts(empty, contours(empty));
  CHECK(none.area == 0);
  CHECK_FALSE(none.touches_border);
  CHECK(exact_path(contours(empty)).empty());
}

TEST_CASE("mask facts: a coarse outline has fewer corners, and what is smaller than a step is a square") {
  std::vector<std::string> rows(40, std::string(40, '.'));
  for (size_t i = 0; i < 40; ++i) rows[i].replace(0, i + 1, i + 1, '#');
  const std::vector<Contour> regions = contours(mask_of(rows));
  const std::string exact = exact_path(regions), coarse = coarse_path(regions, 4);
  CHECK(std::ranges::count_if(exact, [](char c) { return c == 'H' || c == 'V'; }) > 75);
  CHECK(std::ranges::count(coarse, 'L') < 25);
  CHECK(coarse_path(contours(mask_of({"...", ".#.", "..."})), 4) == "M2 1h4v4h-4Z");
}

TEST_CASE("colours: no two objects of a photo are alike, however many there are") {
  std::vector<int> classes;
  for (int i = 0; i < 1500; ++i) classes.push_back(i % 3);
  std::set<std::string> seen;
  for (const Rgb c : object_colours(classes)) seen.insert(css(c));
  CHECK(seen.size() == classes.size());
  CHECK(object_colours(classes)[4] == object_colour(1, 1));
}
