#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "tensor/ops.h"

using namespace sil;

namespace {

// One image's candidates.
struct Candidates {
  std::vector<float> boxes, scores;
  std::vector<int32_t> groups;

  void add(const std::array<float, 4>& box, float score, int group) {
    boxes.insert(boxes.end(), box.begin(), box.end());
    scores.push_back(score), groups.push_back(group);
  }
};

Candidates candidates(const std::vector<std::pair<std::array<float, 4>, float>>& rows, const std::vector<int>& groups) {
  Candidates c;
  for (size_t i = 0; i < rows.size(); ++i) c.add(rows[i].first, rows[i].second, groups[i]);
  return c;
}

using Rows = std::vector<int32_t>;

// Without the empty rows, which must come last.
Rows select(const Candidates& c, double threshold, int64_t limit, float min_side = 0) {
  const int64_t n = int64_t(c.scores.size());
  Rows rows = ops::select_boxes(Tensor::of({1, n, 4}, c.boxes), Tensor::of({1, n}, c.scores), Tensor::of({n}, c.groups),
                                limit, {min_side, threshold})
                  .to_vector<int32_t>();
  CHECK(rows.size() == size_t(limit));
  while (!rows.empty() && rows.back() == -1) rows.pop_back();
  return rows;
}

}  // namespace

TEST_CASE("select_boxes: suppression stays inside a group, the best of all come first") {
  const auto c = candidates({{{0, 0, 10, 10}, 0.5f}, {{0, 0, 10, 11}, 0.9f}, {{0, 0, 10, 10}, 0.7f}}, {1, 1, 2});
  CHECK(select(c, 0.5f, 100) == Rows{1, 2});
  CHECK(select(c, 0.95f, 100) == Rows{1, 2, 0});
  CHECK(select(c, 0.5f, 1) == Rows{1});
}

TEST_CASE("select_boxes: the threshold is a double, as torchvision's: an overlap of 3/5 in float32 lies above 0.6") {
  const auto c = candidates({{{0, 0, 4, 1}, 0.9f}, {{1, 0, 5, 1}, 0.5f}}, {0, 0});
  CHECK(select(c, 0.6, 100) == Rows{0});
}

TEST_CASE("select_boxes: equal scores keep their order") {
  const auto c = candidates({{{0, 0, 1, 1}, 0.5f}, {{5, 5, 6, 6}, 0.5f}, {{9, 9, 10, 10}, 0.5f}}, {2, 0, 1});
  CHECK(select(c, 0.5f, 100) == Rows{0, 1, 2});
}

TEST_CASE("select_boxes: no boxes, and more than the 1,000 that are moved apart") {
  CHECK(select(Candidates{}, 0.5f, 10).empty());
  Candidates c;
  for (int i = 0; i < 3000; ++i) {
    const float x = float(i / 2) * 20;
    const std::array<float, 4> box{x, 0, x + 10, 10};
    c.add(box, 1 - float(i) * 1e-4f, i % 3);
  }
  // Every two neighbours are the same box; they suppress each other where they share a group, which they never do.
  CHECK(select(c, 0.5f, 5000).size() == 3000);
  for (int& g : c.groups) g = 0;
  CHECK(select(c, 0.5f, 5000).size() == 1500);
}

TEST_CASE("select_boxes: thin boxes and scores that are no number or negative take no part, nor suppress") {
  const float nan = NAN;
  const auto c = candidates({{{0, 0, 0.5f, 10}, 0.9f},
                             {{0, 0, 10, 10}, 0.8f},
                             {{0, 0, 10, 10}, nan},
                             {{nan, 0, 10, 10}, 0.95f},
                             {{0, 0, 10, 10}, -0.5f},
                             {{0, 0, 1, 10}, 0}},
                            {0, 0, 0, 0, 0, 0});
  CHECK(select(c, 0.5, 10, 1) == Rows{1, 5});
  CHECK(select(c, 0, 10, 1) == Rows{1});
  CHECK(select(c, 0.5, 0, 1).empty());
}

TEST_CASE("select_boxes: each image has its own candidates, the groups are the same") {
  const std::vector<float> boxes{0, 0, 4, 4, 0, 0, 4, 4, 9, 9, 12, 12, 0, 0, 4, 4, 8, 0, 12, 4, 0, 0, 4, 4};
  const Tensor rows = ops::select_boxes(Tensor::of({2, 3, 4}, boxes), Tensor::of<float>({2, 3}, {1, 3, 2, 1, 2, 3}),
                                        Tensor::of<int32_t>({3}, {0, 0, 1}), 3, {0, 0.5});
  CHECK(rows.to_vector<int32_t>() == std::vector<int32_t>{1, 2, -1, 2, 1, 0});
}

TEST_CASE("select_boxes: against the definition, pair by pair, on random boxes") {
  for (int64_t n : {1, 60, 1500}) {
    Candidates c;
    const RngKey key{uint64_t(n)};
    for (uint64_t i = 0; i < uint64_t(n); ++i) {
      const auto at = [&](uint64_t k) { return std::floor(key.fold(k).uniform(i) * 40); };
      c.add({at(0), at(1), at(0) + at(2), at(1) + at(3)}, std::floor(key.fold(4).uniform(i) * 50) / 50, int(at(5)) % 5);
    }
    const auto iou = [&](size_t a, size_t b) {
      const float *p = &c.boxes[4 * a], *q = &c.boxes[4 * b];
      const double w = std::max(0.0f, std::min(p[2], q[2]) - std::max(p[0], q[0])),
                   h = std::max(0.0f, std::min(p[3], q[3]) - std::max(p[1], q[1]));
      const double size = double(p[2] - p[0]) * (p[3] - p[1]) + double(q[2] - q[0]) * (q[3] - q[1]) - w * h;
      return size > 0 ? w * h / size : 0;
    };
    Rows expected, order;
    for (int32_t i = 0; i < int32_t(n); ++i) order.push_back(i);
    std::stable_sort(order.begin(), order.end(),
                     [&](int32_t a, int32_t b) { return c.scores[size_t(a)] > c.scores[size_t(b)]; });
    for (int32_t i : order) {
      const float* b = &c.boxes[4 * size_t(i)];
      if (b[2] - b[0] < 2 || b[3] - b[1] < 2) continue;
      bool kept = true;
      for (int32_t j : expected)
        if (c.groups[size_t(i)] == c.groups[size_t(j)] && iou(size_t(i), size_t(j)) > 0.31) kept = false;
      if (kept) expected.push_back(i);
    }
    CHECK(select(c, 0.31, n, 2) == expected);
    if (expected.size() > 7) {
      expected.resize(7);
      CHECK(select(c, 0.31, 7, 2) == expected);
    }
  }
}
