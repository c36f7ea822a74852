#include "eval/coco_eval.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "eval/metrics.h"
#include "tensor/check.h"

using namespace sil;

namespace {

Truth object(std::array<double, 4> box, int64_t category = 1, int64_t id = 1) {
  return {.id = id, .category_id = category, .bbox = box, .area = box[2] * box[3], .measured_area = box[2] * box[3]};
}

Found found(std::array<double, 4> box, double score, int64_t category = 1) { return {category, score, box, {}}; }

Evaluator boxes(std::vector<int64_t> categories = {1}) {
  Evaluator e(IouType::bbox, std::move(categories));
  e.area_of = AreaOf::box;
  return e;
}

Summary summary(const Evaluator& e) { return summarise(e.accumulate(), e.protocol()); }

constexpr std::array<double, 4> box{10, 10, 20, 20}, elsewhere{60, 60, 20, 20};

}  // namespace

TEST_CASE("protocol: thresholds are numpy's, not their decimal neighbours") {
  const Protocol p = Protocol::coco();
  CHECK(p.iou_thresholds.size() == 10);
  CHECK(p.iou_thresholds[8] == 0x1.cccccccccccccp-1);  // .5 + 8 * step, one bit under .9
  CHECK(p.recall_thresholds.size() == 101);
  CHECK(p.recall_thresholds[35] == 35 * .01);
  CHECK(p.recall_thresholds[35] != .35);
  CHECK(p.recall_thresholds[100] == 1);
}

TEST_CASE("protocol: torchmetrics' thresholds are torch's float32 ones") {
  const Protocol p = Protocol::torchmetrics(IouType::segm);
  CHECK(p.iou_thresholds[1] == double(.55f));
  CHECK(p.recall_thresholds[5] == 0x1.999998p-5);  // not the float nearest to .05
  CHECK(p.recall_thresholds[95] == double(.95f));
}

TEST_CASE("evaluator: a box found exactly is AP 1") {
  Evaluator e = boxes();
  e.add(7, std::vector{object(box)}, std::vector{found(box, .9)});
  const Summary s = summary(e);
  CHECK(s.AP == doctest::Approx(1).epsilon(1e-15));
  CHECK(s.AR1 == 1);
  CHECK(s.APs == s.AP);
  CHECK(s.APm == -1);  // no object of that area
}

TEST_CASE("evaluator: an IoU of exactly .5 counts at threshold .50 alone") {
  Evaluator e = boxes();
  e.add(1, std::vector{object({0, 0, 10, 10})}, std::vector{found({0, 0, 10, 5}, .9)});
  const Summary s = summary(e);
  CHECK(s.AP50 == doctest::Approx(1).epsilon(1e-15));
  CHECK(s.AP75 == 0);
  CHECK(s.AR100 == .1);
}

TEST_CASE("evaluator: of equal scores the file's first ranks first") {
  const std::vector truths{object(box)};
  Evaluator wrong_first = boxes(), right_first = boxes();
  wrong_first.add(1, truths, std::vector{found(elsewhere, .5), found(box, .5)});
  right_first.add(1, truths, std::vector{found(box, .5), found(elsewhere, .5)});
  CHECK(summary(wrong_first).AP50 == doctest::Approx(.5).epsilon(1e-15));
  CHECK(summary(right_first).AP50 == doctest::Approx(1).epsilon(1e-15));
}

TEST_CASE("evaluator: a detection takes the object it overlaps most, of equals the last") {
  Evaluator e = boxes();
  const std::vector truths{object(box, 1, 1), object(box, 1, 2)};
  e.add(1, truths, std::vector{found(box, .9), found(box, .8), found(box, .7)});
  const Summary s = summary(e);
  CHECK(s.AR1 == .5);
  CHECK(s.AR10 == 1);  // the third finds nothing left
  CHECK(s.AP50 == doctest::Approx(1).epsilon(1e-15));
}

TEST_CASE("evaluator: a crowd takes any number of detections, none counts") {
  Evaluator e = boxes();
  std::vector truths{object({0, 0, 50, 50}, 1, 1), object(box, 1, 2)};
  truths[0].crowd = true;
  e.add(1, truths, std::vector{found({30, 30, 8, 8}, .9), found({0, 0, 8, 8}, .8), found(box, .7)});
  CHECK(summary(e).AP == doctest::Approx(1).epsilon(1e-15));
  CHECK(e.counts()[0].objects == 1);
}

TEST_CASE("evaluator: an unmatched detection outside the area range is not counted in it") {
  Evaluator e = boxes();
  e.add(1, std::vector{object(box)}, std::vector{found({100, 100, 90, 90}, .9), found(box, .8)});
  const Summary s = summary(e);
  CHECK(s.AP50 == doctest::Approx(.5).epsilon(1e-15));
  CHECK(s.APs == doctest::Approx(1).epsilon(1e-15));
}

TEST_CASE("evaluator: an object with id 0 turns its match into a false positive") {
  Evaluator e = boxes();
  e.add(1, std::vector{object(box, 1, 0)}, std::vector{found(box, .9)});
  CHECK(summary(e).AP == 0);
}

TEST_CASE("evaluator: a score of NaN ranks behind -infinity") {
  Evaluator e = boxes();
  const double nan = std::nan(""), lowest = -std::numeric_limits<double>::infinity();
  e.add(1, std::vector{object(box)}, std::vector{found(elsewhere, nan), found(box, lowest)});
  CHECK(summary(e).AP50 == doctest::Approx(1).epsilon(1e-15));
}

TEST_CASE("evaluator: beyond 100 detections of an image and category the lowest scores are dropped") {
  Evaluator e = boxes();
  std::vector<Found> many(100, found(elsewhere, .5));
  many.push_back(found(box, .4));
  e.add(1, std::vector{object(box)}, many);
  CHECK(summary(e).AR100 == 0);
  CHECK(e.counts()[0].detections == 100);
}

TEST_CASE("evaluator: what belongs to no category is ignored, a category without objects is -1") {
  Evaluator e = boxes({5, 1, 5});
  e.add(1, std::vector{object(box, 1), object(box, 9)}, std::vector{found(box, .9, 1), found(box, .9, 9)});
  CHECK(e.categories() == std::vector<int64_t>{1, 5});
  const Accumulated x = e.accumulate();
  CHECK(summarise(x, e.protocol(), 0).AP == doctest::Approx(1).epsilon(1e-15));
  CHECK(summarise(x, e.protocol(), 1).AP == -1);
  CHECK(summarise(x, e.protocol()).AP == doctest::Approx(1).epsilon(1e-15));
}

TEST_CASE("evaluator: objects without detections are recall 0, nothing at all is -1") {
  Evaluator e = boxes();
  CHECK(summary(e).AP == -1);
  e.add(1, std::vector{object(box)}, {});
  CHECK(summary(e).AP == 0);
  CHECK(summary(e).AR100 == 0);
}

TEST_CASE("evaluator: masks of another size than the object's find nothing") {
  const Rle right{2, 2, {0, 4}}, other{2, 3, {0, 6}};
  Evaluator e(IouType::segm, {1});
  e.area_of = AreaOf::mask;
  Truth truth{.id = 1, .category_id = 1, .area = 4, .mask = right};
  e.add(1, std::vector{truth}, std::vector{Found{1, .9, {}, other}, Found{1, .8, {}, right}});
  CHECK(summary(e).AP50 == doctest::Approx(.5).epsilon(1e-15));
}

TEST_CASE("evaluator: an image given twice, or with detections in two parts, is an error") {
  Evaluator e = boxes(), part = boxes();
  const std::vector one{found(box, .5)};
  e.add(4, {}, one);
  part.add(4, {}, one);
  CHECK_THROWS_WITH_AS(e.add(4, {}, {}), "evaluator: image 4 was added before", Error);
  CHECK_THROWS_WITH_AS(e.merge(part), "evaluator: both parts have detections of image 4", Error);
}

TEST_CASE("evaluator: of an image in two parts the one with detections counts") {
  const std::vector truths{object(box)}, more{object(box), object(elsewhere)};
  Evaluator with = boxes(), without = boxes();
  with.add(4, truths, std::vector{found(box, .5)});
  without.add(4, more, {});  // seen by neither sum
  without.add(5, truths, {});
  for (const auto& [a, b] : {std::pair{&with, &without}, {&without, &with}}) {
    Evaluator both = *a;
    both.merge(*b);
    CHECK(summary(both).AR100 == .5);
    CHECK(both.counts()[0].objects == 2);
  }
}

TEST_CASE("evaluator: parts that disagree on the area of detections do not merge") {
  Evaluator a = boxes(), b = boxes();
  b.area_of = AreaOf::mask;
  CHECK_THROWS_AS(a.merge(b), Error);
  CHECK_THROWS_AS(a.merge(boxes({1, 2})), Error);
}
