#include "data/boundary.h"

#include <doctest/doctest.h>

#include <random>

#include "golden.h"
#include "tensor/check.h"

using namespace sil;

namespace {

// One erosion by 3x3 with a zero border, pixel by pixel.
Tensor eroded_once(const Tensor& bits) {
  const int64_t height = bits.dim(0), width = bits.dim(1);
  Tensor out = Tensor::zeros({height, width}, DType::u8);
  for (int64_t y = 1; y + 1 < height; ++y)
    for (int64_t x = 1; x + 1 < width; ++x) {
      bool all = true;
      for (int64_t dy = -1; dy <= 1; ++dy)
        for (int64_t dx = -1; dx <= 1; ++dx) all &= bits.data<uint8_t>()[(y + dy) * width + x + dx] != 0;
      out.data<uint8_t>()[y * width + x] = all;
    }
  return out;
}

Rle random_mask(std::mt19937& random) {
  const int64_t height = 1 + int64_t(random() % 40), width = 1 + int64_t(random() % 40);
  Tensor bits = Tensor::zeros({height, width}, DType::u8);
  const uint32_t gaps = random() % 12;  // mostly inside, so that something is left
  for (int64_t i = 0; i < bits.numel(); ++i) bits.data<uint8_t>()[i] = random() % 100 >= gaps;
  return encode(bits);
}

}  // namespace

TEST_CASE("boundary: an erosion by a radius is as many erosions by 3 x 3") {
  std::mt19937 random(3);
  for (int i = 0; i < 200; ++i) {
    const Rle mask = random_mask(random);
    Tensor bits = decode(mask);
    for (int64_t radius = 0; radius < 8; ++radius) {
      CAPTURE(to_string(mask));
      CAPTURE(radius);
      CHECK(erode(mask, radius) == encode(bits));
      bits = eroded_once(bits);
    }
  }
}

TEST_CASE("boundary: it is 2 % of the diagonal wide, half rounded down, at least a pixel") {
  CHECK(boundary_width(480, 640) == 16);
  CHECK(boundary_width(1, 1) == 1);
  CHECK(boundary_width(45, 60) == 1);   // 1.5
  CHECK(boundary_width(75, 100) == 2);  // 2.5
  CHECK(boundary_width(46, 60) == 2);
  CHECK(boundary_width(100'000, 100'000) == 2828);
}

TEST_CASE("boundary: of a square it is a frame") {
  const Rle square = rectangle({20, 10, 40, 30}, 60, 80);  // 2 pixels wide
  CHECK(area(boundary(square)) == 40 * 30 - 36 * 26);
  CHECK(bounding_box(boundary(square)) == bounding_box(square));
  const Rle all{60, 80, {0, 4800}};  // the photo's border is one too
  CHECK(area(boundary(all)) == 60 * 80 - 56 * 76);
  CHECK(boundary(Rle{60, 80, {4800}}) == Rle{60, 80, {4800}});
  CHECK(boundary(Rle{0, 0, {0}}) == Rle{0, 0, {0}});
}

TEST_CASE("boundary: empty runs change nothing") {
  const Rle whole{30, 30, {0, 900}}, split{30, 30, {0, 400, 0, 500}};
  CHECK(boundary(split) == boundary(whole));
  CHECK(erode(split, 3) == erode(whole, 3));
}

TEST_CASE("boundary: of 100,000 x 100,000 pixels in one run it is found without laying them out") {
  const int64_t side = 100'000;
  const Rle mask = from_counts(std::vector<int64_t>{0, side * side}, side, side);
  CHECK(area(boundary(mask)) == uint64_t(side * side - (side - 2 * 2828) * (side - 2 * 2828)));
}

TEST_CASE("boundary: it equals faster-coco-eval's") {
  const auto cases = golden::read("boundaries");
  REQUIRE(cases.size() == 24);
  for (const auto& c : cases) {
    const Rle mask = from_string(c.texts.at("string"), c.integer("height"), c.integer("width"));
    CHECK(to_string(boundary(mask)) == c.texts.at("boundary"));
  }
}
