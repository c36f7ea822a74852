#include "viz/figure.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tensor/check.h"
#include "viz/plot.h"
#include "viz/stage_pictures.h"

using namespace sil;

namespace {

Rgb at(const Tensor& picture, int64_t y, int64_t x) {
  const uint8_t* p = picture.data<uint8_t>() + (y * picture.dim(1) + x) * 3;
  return {p[0], p[1], p[2]};
}

Tensor square(int side, Rgb colour) {
  Canvas c = blank(side, side);
  c.fill({0, 0, side, side}, colour);
  return c.pixels();
}

int64_t count(const Tensor& picture, Rgb colour) {
  int64_t n = 0;
  for (int64_t y = 0; y < picture.dim(0); ++y)
    for (int64_t x = 0; x < picture.dim(1); ++x) n += at(picture, y, x) == colour;
  return n;
}

constexpr Rgb red{200, 0, 0}, blue{0, 0, 200}, white{255, 255, 255};

}  // namespace

TEST_CASE("figure: every panel is there whole, none covers another, a long caption makes it taller") {
  const std::vector<Panel> panels{{square(50, red), "a"}, {square(80, blue), "b"}, {square(60, red), "c"}};
  const Tensor small = figure("title", "caption", panels, 2);
  CHECK(count(small, red) == 50 * 50 + 60 * 60);
  CHECK(count(small, blue) == 80 * 80);
  std::string words;
  for (int i = 0; i < 200; ++i) words += "word ";
  const Tensor tall = figure("title", words, panels, 2);
  CHECK(tall.dim(0) > small.dim(0));
  CHECK(tall.dim(1) == small.dim(1));
  for (int64_t y = 0; y < tall.dim(0); ++y) CHECK(at(tall, y, tall.dim(1) - 5) == white);  // lines end before the edge
  CHECK_THROWS_WITH_AS(figure("t", "c", {}, 2), "figure: 0 panels in 2 columns; at least one of each expected", Error);
}

TEST_CASE("heat map: white at the low end, darkest at the high end, what lies beyond is cut") {
  const Tensor map = heat_map(Tensor::of<float>({1, 4}, {-5, 0, 1, 7}), 0, 1);
  CHECK(at(map, 0, 0) == white);
  CHECK(at(map, 0, 1) == white);
  CHECK(at(map, 0, 2) == heat_colour(1));
  CHECK(at(map, 0, 3) == heat_colour(1));
  CHECK(at(heat_map(Tensor::of<float>({1, 1}, {NAN}), 0, 1), 0, 0) == white);
}

TEST_CASE("crop and enlarge: the pixels of the place, cut at the edge") {
  Canvas c = blank(10, 10);
  c.fill({8, 8, 1, 1}, red);
  const Tensor cut = crop(c.pixels(), {7, 7, 10, 10});
  CHECK(cut.shape() == Shape{3, 3, 3});
  CHECK(at(cut, 1, 1) == red);
  CHECK(count(enlarge(cut, 4), red) == 16);
  CHECK(crop(c.pixels(), {20, 20, 5, 5}).numel() == 0);
}

namespace {

// One photo of 64 x 64 and what a pass might give for it.
StageMap stages() {
  StageMap s;
  s["input"] = Tensor::full({1, 3, 64, 64}, 0.5);
  const char* names[] = {"c2", "c3", "c4", "c5", "p2", "p3", "p4", "p5", "p6"};
  for (int i = 0; i < 9; ++i) {
    const int64_t side = std::max<int64_t>(1, 16 >> (i < 4 ? i : i - 4));
    s[names[i]] = Tensor::full({1, 4, side, side}, i);
  }
  for (int l = 0; l < 5; ++l)
    s["rpn.objectness." + std::to_string(l)] = Tensor::zeros({1, 3, std::max(1, 16 >> l), std::max(1, 16 >> l)});
  s["anchors"] = Tensor::of<float>({2, 4}, {0, 0, 30, 30, 10, 10, 50, 50});
  s["proposals.0"] = Tensor::of<float>({2, 4}, {1, 1, 31, 31, 10, 10, 50, 50});
  s["class_logits"] = Tensor::of<float>({2, 3}, {0, 3, 0, 0, 0, 5});
  s["mask_logits"] = Tensor::zeros({1, 3, 28, 28});
  s["mask_features"] = Tensor::zeros({1, 4, 14, 14});
  s["detections.boxes"] = Tensor::of<float>({1, 4}, {5, 5, 25, 25});
  s["detections.labels"] = Tensor::of<int64_t>({1}, {2});
  s["detections.scores"] = Tensor::of<float>({1}, {0.9f});
  s["detections.masks"] = Tensor::full({1, 1, 40, 40}, 0.75);
  s["grad.rpn.head.conv.0.0.weight"] = Tensor::full({2, 2, 1, 1}, 1e-3);
  s["grad.backbone.fpn.inner_blocks.0.0.weight"] = Tensor::zeros({2, 2, 1, 1});
  return s;
}

std::string name_of(int output) { return "class " + std::to_string(output); }

}  // namespace

TEST_CASE("stage pictures: matched anchors are drawn in their object's colour, the others are not") {
  const Tensor truth = Tensor::of<float>({1, 4}, {2, 2, 32, 32});
  const Tensor one = draw_matched_anchors(stages(), Tensor::of<int32_t>({2}, {0, -1}), truth);
  const Tensor none = draw_matched_anchors(stages(), Tensor::of<int32_t>({2}, {-1, -2}), truth);
  CHECK(count(one, object_colour(0, 0)) > count(none, object_colour(0, 0)));
}

TEST_CASE("stage pictures: RoIAlign's samples lie where a bin reads") {
  // 2 x 2 samples in each of 7 x 7 and 14 x 14 bins, 3 x 3 pixels each; none is hidden by another.
  const Tensor picture = draw_roi_align(stages(), Tensor::of<float>({4}, {0, 0, 56, 56}));
  CHECK(count(picture, {255, 140, 0}) == 9 * (14 * 14 + 28 * 28));
}

TEST_CASE("stage pictures: without proposals, detections or gradients each says so") {
  StageMap s = stages();
  s["proposals.0"] = Tensor::zeros({0, 4}), s["class_logits"] = Tensor::zeros({0, 3});
  s["detections.boxes"] = Tensor::zeros({0, 4}), s["detections.scores"] = Tensor::zeros({0});
  s["detections.labels"] = Tensor::zeros({0}, DType::i64), s["mask_logits"] = Tensor::zeros({0, 3, 28, 28});
  s["detections.masks"] = Tensor::zeros({0, 1, 40, 40});
  s.erase("grad.rpn.head.conv.0.0.weight");
  const Tensor photo = square(40, blue);
  for (const Tensor& picture :
       {draw_proposals(s), draw_class_scores(s, name_of), draw_masks(s, photo, name_of), draw_gradients(s)})
    CHECK(picture.dim(1) >= 640);
}

TEST_CASE("stage pictures: the pasted mask tints the photo, its half and more in red") {
  StageMap s = stages();
  const Tensor photo = square(40, white);
  const auto tinted = [&](double probability) {
    s["detections.masks"] = Tensor::full({1, 1, 40, 40}, probability);
    return draw_masks(s, photo, name_of);
  };
  const Tensor inside = tinted(0.75), outside = tinted(0.25);
  const auto redness = [](const Tensor& p) {
    int64_t n = 0;
    for (int64_t y = 0; y < p.dim(0); ++y)
      for (int64_t x = 0; x < p.dim(1); ++x) {
        const Rgb c = at(p, y, x);
        n += c.r > 200 && c.g < 170 && c.b < 190;
      }
    return n;
  };
  CHECK(redness(inside) > 10000);
  CHECK(redness(outside) < 1000);
}
