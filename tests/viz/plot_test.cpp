#include "viz/plot.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "viz/explanation_pictures.h"

using namespace sil;

namespace {

Rgb at(const Tensor& image, int64_t y, int64_t x) {
  const uint8_t* p = image.data<uint8_t>() + (y * image.dim(1) + x) * 3;
  return {p[0], p[1], p[2]};
}

// How many pixels of this very colour there are in a rectangle.
int count(const Tensor& image, const Rect& r, Rgb colour) {
  int n = 0;
  for (int y = r.y; y < r.y + r.height; ++y)
    for (int x = r.x; x < r.x + r.width; ++x) n += at(image, y, x) == colour;
  return n;
}

constexpr Rgb red{200, 0, 0}, blue{0, 0, 200};
constexpr Rect all{0, 0, 940, 680}, square{84, 84, 620, 510};

Explanation two_classes() {
  Explanation x;
  x.type = "segm";
  x.classes = {{3, "cat", 8, 9, .5, .5, .5, {}},
               {7, "dining table", 2, 2, .5, .5, .5, ScoreThreshold{.4, .8, .9, .7, 1, 0, 1}}};
  x.confusion = Confusion({3, 7});
  Pairs p{{{3, false}, {3, false}, {7, false}}, {{3, .9}, {7, .8}}, {.9, 0, 0, 0, .9, 0}};
  x.confusion.add(p);
  return x;
}

// Two classes, 11 recalls, thresholds .5 and .75: perfect precision up to a recall of 1 and of .5.
Accumulated perfect(size_t K) {
  Accumulated x{2, 11, K, 1, 1, {}, {}, {}};
  for (size_t t = 0; t < 2; ++t)
    for (size_t r = 0; r < 11; ++r)
      for (size_t k = 0; k < K; ++k) x.precision.push_back(t == 0 || r <= 5 ? 1 : 0);
  return x;
}

Protocol protocol() {
  Protocol p = Protocol::coco();
  p.iou_thresholds = {.5, .75};
  p.recall_thresholds.clear();
  for (int i = 0; i <= 10; ++i) p.recall_thresholds.push_back(i / 10.0);
  return p;
}

}  // namespace

TEST_CASE("plot: a curve lies where its points are, in its colour; the legend names it") {
  Chart chart;
  chart.curves = {{"half", {{0, .5}, {1, .5}}, red, 4}, {"", {{.5, 0}, {.5, 1}}, blue, 4}};
  const Tensor picture = draw(chart);
  const int middle = square.y + square.height / 2;
  CHECK(at(picture, middle, square.x + 100) == red);
  CHECK(at(picture, middle, square.x + 500) == red);
  CHECK(at(picture, square.y + 100, square.x + square.width / 2) == blue);
  CHECK(at(picture, square.y + 101, square.x + 101) == Rgb{255, 255, 255});
  const Rect legend{720, 84, 220, 500};
  CHECK(count(picture, legend, red) > 20);
  CHECK(count(picture, legend, blue) == 0);
}

TEST_CASE("plot: a bar stands on the axis and is as high as it says") {
  Chart chart;
  chart.bars = {{.2, .4, .5, "9", red}};
  const Tensor picture = draw(chart);
  const int x = square.x + int(.3 * square.width), bottom = square.y + square.height;
  CHECK(at(picture, bottom - 5, x) == red);
  CHECK(at(picture, bottom - square.height / 2 + 3, x) == red);
  CHECK_FALSE(at(picture, bottom - square.height / 2 - 3, x) == red);
  CHECK_FALSE(at(picture, bottom - 5, square.x + int(.45 * square.width)) == red);
}

TEST_CASE("plot: text upwards is the text turned to the left") {
  const std::string text = "recall";
  Canvas flat = blank(200, 200), upright = blank(200, 200);
  const int width = text_width(text, 20);
  draw_text(flat, text, 0, 0, 20, {0, 0, 0});
  draw_text_upwards(upright, text, 0, 0, 20, {0, 0, 0});
  int dark = 0;
  for (int y = 0; y < 20; ++y)
    for (int x = 0; x < width; ++x) {
      CHECK(at(flat.pixels(), y, x) == at(upright.pixels(), width - 1 - x, y));
      dark += at(flat.pixels(), y, x).r < 100;
    }
  CHECK(dark > 50);
}

TEST_CASE("curves: a perfect class runs along the top, and ends where its recall ends") {
  const Explanation x = two_classes();
  const Tensor picture = draw_curves(perfect(2), protocol(), x, 0);
  CHECK(at(picture, square.y, square.x + 400) == sequence_colour(0));  // IoU .5
  const int ends = square.x + square.width / 2 + square.width / 20;    // IoU .75 falls from .5 to .6
  CHECK(count(picture, {ends - 3, square.y + 100, 6, 300}, sequence_colour(1)) > 20);
  CHECK(count(picture, {square.x + 450, square.y + 100, 100, 300}, sequence_colour(1)) == 0);
}

TEST_CASE(
    "curves: only a class with a best score threshold has a dot; classes without objects are left out of the mean") {
  const Explanation x = two_classes();
  constexpr Rgb ink{40, 44, 52};
  const Rect near{square.x + int(.7 * square.width) - 5, square.y + int(.1 * square.height) - 5, 10, 10};
  CHECK(count(draw_curves(perfect(2), protocol(), x, 1), near, ink) > 30);
  CHECK(count(draw_curves(perfect(2), protocol(), x, 0), near, ink) == 0);
  Accumulated half = perfect(2);
  for (size_t i = 1; i < half.precision.size(); i += 2) half.precision[i] = -1;
  const Tensor one = draw_curves(half, protocol(), x), both = draw_curves(perfect(2), protocol(), x);
  CHECK(std::equal(one.data<uint8_t>(), one.data<uint8_t>() + one.numel(), both.data<uint8_t>()));
}

TEST_CASE("confusion picture: a cell is as dark as its share of the row") {
  const Tensor picture = draw_confusion(two_classes());
  // A cat found as a cat, a cat found as a dining table, a dining table not found.
  CHECK(count(picture, {0, 0, int(picture.dim(1)), int(picture.dim(0))}, heat_colour(.5)) > 2 * 60 * 60);
  CHECK(count(picture, {0, 0, int(picture.dim(1)), int(picture.dim(0))}, heat_colour(1)) > 60 * 60);
  CHECK(heat_colour(0) == Rgb{255, 255, 255});
  CHECK(luminance(heat_colour(.1)) > luminance(heat_colour(.5)));
  CHECK(luminance(heat_colour(.5)) > luminance(heat_colour(1)));
}

TEST_CASE("confusion picture: of thousands of classes it is no larger, without their names") {
  for (const int64_t classes : {1203, 3000}) {
    Explanation x;
    std::vector<int64_t> ids;
    for (int64_t i = 0; i < classes; ++i) x.classes.push_back({i, "class", 1, 1, 0, 0, 0, {}}), ids.push_back(i);
    x.confusion = Confusion(ids);
    Pairs missed;
    missed.objects.push_back({.category_id = 5, .crowd = false});
    x.confusion.add(missed);
    const Tensor picture = draw_confusion(x);
    INFO(classes, " ", picture.dim(0));
    CHECK(picture.dim(0) > classes);
    CHECK(picture.dim(0) < 4300);
    CHECK(count(picture, {0, 0, int(picture.dim(1)), int(picture.dim(0))}, heat_colour(1)) >= 1);
  }
}

TEST_CASE("pictures: hundreds of classes with long names and none at all are drawn too") {
  Explanation many, none;
  std::vector<int64_t> ids;
  for (int i = 0; i < 300; ++i) {
    many.classes.push_back(
        {i, "a class whose name does not fit beside its row äöü " + std::to_string(i), 1, 1, 0, 0, 0, {}});
    ids.push_back(i);
  }
  many.confusion = Confusion(ids);
  CHECK(draw_confusion(many).dim(0) > 300 * 10);
  CHECK(draw_confusion(none).dim(0) > 0);
  CHECK(draw_curves(perfect(0), protocol(), none).dim(1) == all.width);
  CHECK(draw_curves(perfect(300), protocol(), many, 7).dim(1) == all.width);
  CHECK(draw_calibration(none).dim(0) == all.height);
}
