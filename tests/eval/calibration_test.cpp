#include "eval/calibration.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "eval/score_threshold.h"
#include "tests/eval/random_photos.h"
#include "tests/folder.h"

using namespace sil;

namespace {

enum { wrong, right, ignored };

// One class, one IoU threshold; rows from the best score down.
Matches matches(const std::vector<std::pair<double, int>>& rows, int64_t objects) {
  Matches out{{.5}, {{1, {}, {{1, objects}}}}};
  for (const auto& [score, what] : rows) out.classes[0].rows.push_back({1, score, what == right, what == ignored});
  return out;
}

}  // namespace

TEST_CASE("score threshold: F1 by hand") {
  const Matches m = matches({{.9, right}, {.8, wrong}, {.7, right}, {.6, right}, {.3, wrong}, {.2, right}}, 5);
  const auto best = best_score_threshold(m.classes[0], 0);
  REQUIRE(best);
  CHECK(best->score == .2);  // 2 * 4 / (4 + 2 + 5) = 0.73; at .6 it is 2 * 3 / (3 + 1 + 5) = 0.67
  CHECK(best->f1 == doctest::Approx(8.0 / 11));
}

TEST_CASE("score threshold: detections of one score are kept together, ignored ones do not count") {
  const Matches m = matches({{.9, ignored}, {.8, right}, {.8, wrong}, {.8, wrong}, {.5, wrong}}, 1);
  const auto best = best_score_threshold(m.classes[0], 0);
  REQUIRE(best);
  CHECK(best->score == .8);
  CHECK(best->precision == doctest::Approx(1.0 / 3));
  CHECK(best->recall == 1);
  CHECK(best->wrong == 2);
  CHECK(best->missed == 0);
}

TEST_CASE("score threshold: none where nothing is right") {
  CHECK_FALSE(best_score_threshold(matches({{.9, wrong}}, 3).classes[0], 0));
  CHECK_FALSE(best_score_threshold(matches({}, 3).classes[0], 0));
}

TEST_CASE("calibration: ECE by hand") {
  const Calibration c = calibration(matches({{.95, right}, {.85, right}, {.85, wrong}, {.2, wrong}}, 3), 0);
  CHECK(c.detections == 4);
  CHECK(c.bins[9].precision == 1);
  CHECK(c.bins[8].precision == .5);
  CHECK(c.bins[8].score == doctest::Approx(.85));
  CHECK(c.ece == doctest::Approx(.25 * .05 + .5 * .35 + .25 * .2));
}

TEST_CASE("calibration: a bin holds its lower end, the last its upper end too") {
  std::vector<std::pair<double, int>> rows;
  for (int i = 10; i >= 0; --i) rows.emplace_back(double(i) / 10, right);
  const Calibration c = calibration(matches(rows, 11), 0);
  for (size_t i = 0; i < 9; ++i) CHECK(c.bins[i].detections == 1);
  CHECK(c.bins[9].detections == 2);
}

TEST_CASE("calibration: ignored detections and scores that are no probabilities are in no bin") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Calibration c = calibration(matches({{7, right}, {.5, ignored}, {-.1, wrong}, {nan, wrong}}, 3), 0);
  CHECK(c.detections == 0);
  CHECK(c.outside == 3);
  CHECK(c.ece == 0);
}

TEST_CASE("matches: rows of a class by score, right at a stricter threshold only if at a looser one") {
  Evaluator e(IouType::bbox, {1, 2, 3});
  e.area_of = AreaOf::box;
  for (const test::RandomPhoto& p : test::random_photos(4, 50, 3)) e.add(p.id, p.truths, p.found);
  const Matches m = e.matches();
  const auto counts = e.counts();
  CHECK(m.threshold(.5) == 0);
  CHECK(test::error_of([&] { m.threshold(.42); }).find("0.42") != std::string::npos);
  for (size_t k = 0; k < 3; ++k) {
    CHECK(m.classes[k].object_count() == counts[k].objects);
    CHECK(int64_t(m.classes[k].rows.size()) == counts[k].detections);
    int64_t right_first = 0, right_last = 0;
    for (size_t i = 0; i < m.classes[k].rows.size(); ++i) {
      const Matches::Row& row = m.classes[k].rows[i];
      if (i > 0) CHECK(m.classes[k].rows[i - 1].score > row.score);
      CHECK((row.right & row.ignored) == 0);
      right_first += row.right & 1;
      right_last += row.right >> 9 & 1;
    }
    CHECK(right_first >= right_last);
    CHECK(double(right_first) / double(counts[k].objects) == e.accumulate().recall[(0 * 3 + k) * 4 * 3 + 2]);
  }
}
