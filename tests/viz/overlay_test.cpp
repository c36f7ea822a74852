#include "viz/overlay.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tensor/check.h"
#include "viz/canvas.h"
#include "viz/colour.h"

using namespace sil;

namespace {

constexpr int kSide = 480;  // large enough not to be enlarged

Tensor plain(int side, Rgb c) {
  Tensor photo({side, side, 3}, DType::u8);
  uint8_t* p = photo.data<uint8_t>();
  for (int i = 0; i < side * side; i++, p += 3) {
    p[0] = c.r;
    p[1] = c.g;
    p[2] = c.b;
  }
  return photo;
}

Rgb at(const Tensor& image, int64_t y, int64_t x) {
  const uint8_t* p = image.data<uint8_t>() + (y * image.dim(1) + x) * 3;
  return {p[0], p[1], p[2]};
}

OverlayObject square(int class_index, double x, double y, double side, int photo_side = kSide) {
  OverlayObject o;
  o.class_index = class_index;
  o.label = "fig";
  o.score = 0.97;
  o.bbox = {x, y, side, side};
  o.mask = rectangle(o.bbox, photo_side, photo_side);
  return o;
}

// The strongest contrast of any two pixels next to each other along a row.
double strongest_edge(const Tensor& image, int64_t y, int64_t x0, int64_t x1) {
  double most = 1;
  for (int64_t x = x0; x + 1 < x1; x++) most = std::max(most, contrast(at(image, y, x), at(image, y, x + 1)));
  return most;
}

}  // namespace

TEST_CASE("overlay: inside the mask is tinted, its edge is the colour, outside stays") {
  const Tensor photo = plain(kSide, {100, 100, 100});
  const Tensor drawn = overlay(photo, {square(0, 200, 200, 100)});
  const Rgb colour = object_colour(0, 0);
  CHECK(at(drawn, 200, 250) == colour);
  const Rgb inside = at(drawn, 250, 250);
  CHECK(inside.r == std::lround(100 + 0.4 * (colour.r - 100)));
  CHECK(at(drawn, 400, 400) == Rgb{100, 100, 100});
  CHECK(at(photo, 250, 250) == Rgb{100, 100, 100});  // a copy was drawn on
}

TEST_CASE("overlay: outlines and labels stand out on black, white and on the object's own colour") {
  for (Rgb ground : {Rgb{0, 0, 0}, Rgb{255, 255, 255}, object_colour(3, 0)}) {
    const Tensor drawn = overlay(plain(kSide, ground), {square(3, 200, 200, 100)});
    CHECK(strongest_edge(drawn, 280, 190, 215) > 3);  // the left edge of the mask
    // The label sits above: some row of it crosses letters, which stand out from their box.
    double letters = 1;
    for (int64_t y = 180; y < 200; y++) letters = std::max(letters, strongest_edge(drawn, y, 203, 260));
    CHECK(letters > 4.5);
  }
}

TEST_CASE("overlay: ink on every object's colour has a contrast of 4.5 at least") {
  for (int c = 0; c < 91; c++)
    for (int i = 0; i < 10; i++) CHECK(contrast(ink_on(object_colour(c, i)), object_colour(c, i)) >= 4.5);
}

TEST_CASE("colour: classes differ in hue, instances of a class in shade") {
  const auto distance = [](Rgb a, Rgb b) { return std::abs(a.r - b.r) + std::abs(a.g - b.g) + std::abs(a.b - b.b); };
  for (int a = 0; a < 8; a++)
    for (int b = 0; b < a; b++) CHECK(distance(object_colour(a, 0), object_colour(b, 0)) > 40);
  for (int a = 0; a < 5; a++)
    for (int b = 0; b < a; b++) CHECK(std::abs(luminance(object_colour(2, a)) - luminance(object_colour(2, b))) > 0.02);
  CHECK(object_colour(1, 0) == object_colour(1, 5));
}

TEST_CASE("overlay: a small photo is drawn enlarged by a whole factor") {
  const Tensor drawn = overlay(plain(100, {9, 9, 9}), {square(0, 10, 10, 20, 100)});
  CHECK(drawn.shape() == Shape{500, 500, 3});
  CHECK(at(drawn, 50, 100) == object_colour(0, 0));  // the mask's top edge, at 10 x 5
}

TEST_CASE("overlay: objects at and over the edges, empty masks, no objects, a photo of one pixel") {
  const Tensor photo = plain(kSide, {1, 2, 3});
  OverlayObject empty = square(1, 0, 0, 0);
  OverlayObject beyond = square(2, 470, 470, 10);
  beyond.bbox = {470, 470, 4000, 4000};
  OverlayObject wild = square(3, 0, 0, 480);
  wild.bbox = {-1e300, std::numeric_limits<double>::quiet_NaN(), 1e300, 5};
  wild.mask.reset();
  const Tensor drawn = overlay(photo, {empty, beyond, wild, square(0, 0, 0, 480)});
  CHECK(drawn.shape() == photo.shape());
  CHECK(overlay(photo, {}).to_vector<uint8_t>() == photo.to_vector<uint8_t>());
  CHECK(overlay(plain(1, {}), {square(0, 0, 0, 1, 1)}).shape() == Shape{448, 448, 3});
}

TEST_CASE("overlay: of an object whose mask has no pixels the box is outlined") {
  OverlayObject o = square(0, 200, 200, 100);
  o.mask = rectangle({0, 0, 0, 0}, kSide, kSide);
  const Tensor drawn = overlay(plain(kSide, {100, 100, 100}), {o});
  CHECK(at(drawn, 250, 200) == object_colour(0, 0));
  CHECK(at(drawn, 250, 250) == Rgb{100, 100, 100});
}

TEST_CASE("overlay: a mask of another size is refused") {
  CHECK_THROWS_WITH_AS(overlay(plain(kSide, {}), {square(0, 1, 1, 5, 479)}),
                       "overlay: the mask of \"fig\" is 479 x 479 pixels; 480 x 480 expected, the photo's", Error);
}

TEST_CASE("overlay: the label stands at the mask, however large the box is") {
  OverlayObject o = square(0, 300, 300, 100);
  o.bbox = {0, 0, 480, 480};
  const Tensor drawn = overlay(plain(kSide, {128, 128, 128}), {o});
  int64_t near = 0, far = 0;
  for (int64_t y = 0; y < kSide; y++)
    for (int64_t x = 0; x < kSide; x++)
      if (at(drawn, y, x) == object_colour(0, 0)) (y > 270 && x > 270 ? near : far)++;
  CHECK(near > 900);
  CHECK(far == 0);
}

TEST_CASE("overlay: labels of neighbours do not cover each other") {
  // Two objects in the same place: the second label finds room elsewhere, so both boxes' ink is to be seen.
  OverlayObject a = square(0, 200, 200, 100), b = square(1, 200, 200, 100);
  const Tensor drawn = overlay(plain(kSide, {128, 128, 128}), {a, b});
  int64_t first = 0, second = 0;
  for (int64_t y = 0; y < kSide; y++)
    for (int64_t x = 0; x < kSide; x++) {
      const bool outside = y < 195 || y > 305;
      first += outside && at(drawn, y, x) == object_colour(0, 0);
      second += outside && at(drawn, y, x) == object_colour(1, 0);
    }
  CHECK(first > 300);
  CHECK(second > 300);
}

TEST_CASE("text: wider with more letters; broken UTF-8 is drawn, not read past") {
  CHECK(text_width("iii", 16) < text_width("mmm", 16));
  CHECK(text_width("figs", 32) > text_width("figs", 16));
  Canvas canvas(plain(64, {0, 0, 0}));
  draw_text(canvas, "d\xC3\xA4\xFF\xE2\x82", 0, 0, 16, {255, 255, 255});
  int64_t lit = 0;
  for (uint8_t v : canvas.pixels().to_vector<uint8_t>()) lit += v > 128;
  CHECK(lit > 50);
  CHECK(text_width("\xC3\xA4", 16) == text_width("a", 16));  // a with a diaeresis is one letter
}

TEST_CASE("overlay: detections take their category's name, and a rank for their hue") {
  Detection d;
  d.category_id = 20;
  d.score = 0.5;
  d.segmentation = rectangle({2, 3, 4, 5}, 50, 60);
  Detection unknown = d;
  unknown.category_id = 7;
  const auto objects = overlay_objects({d, unknown}, {{20, "date", ""}, {10, "fig", ""}}, 50, 60);
  CHECK(objects[0].label == "date");
  CHECK(objects[0].class_index == 1);
  CHECK(objects[0].bbox == std::array<double, 4>{2, 3, 4, 5});
  CHECK(objects[1].label == "category 7");
}
