#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "tensor/ops.h"
#include "tests/cpu/golden.h"
#include "tests/cpu/random_boxes.h"

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
Rows kept(const Candidates& c, double threshold, int64_t limit, float min_side = 0, float score_above = -INFINITY) {
  const int64_t n = int64_t(c.scores.size());
  Rows rows = ops::nms(Tensor::of({1, n, 4}, c.boxes), Tensor::of({1, n}, c.scores), Tensor::of({1, n}, c.groups),
                       limit, {min_side, threshold, score_above})
                  .to_vector<int32_t>();
  CHECK(rows.size() == size_t(limit));
  while (!rows.empty() && rows.back() == -1) rows.pop_back();
  return rows;
}

}  // namespace

TEST_CASE("nms: suppression stays inside a group, the best of all come first") {
  const auto c = candidates({{{0, 0, 10, 10}, 0.5f}, {{0, 0, 10, 11}, 0.9f}, {{0, 0, 10, 10}, 0.7f}}, {1, 1, 2});
  CHECK(kept(c, 0.5f, 100) == Rows{1, 2});
  CHECK(kept(c, 0.95f, 100) == Rows{1, 2, 0});
  CHECK(kept(c, 0.5f, 1) == Rows{1});
}

TEST_CASE("nms: a suppressed box suppresses nothing, equal boxes keep the better one") {
  const auto row = candidates({{{0, 0, 10, 1}, 3}, {{4, 0, 14, 1}, 2}, {{8, 0, 18, 1}, 1}}, {0, 0, 0});
  CHECK(kept(row, 0.4, 100) == Rows{0, 2});
  const auto equal = candidates({{{0, 0, 4, 4}, 1}, {{0, 0, 4, 4}, 2}, {{9, 9, 12, 12}, 1}}, {0, 0, 0});
  CHECK(kept(equal, 0.5, 100) == Rows{1, 2});
}

TEST_CASE("nms: an overlap of exactly the threshold is kept") {
  const auto half = candidates({{{0, 0, 4, 1}, 2}, {{0, 0, 2, 1}, 1}}, {0, 0});
  CHECK(kept(half, 0.5, 100) == Rows{0, 1});
  CHECK(kept(half, 0.4999, 100) == Rows{0});
}

TEST_CASE("nms: the threshold is a double, as torchvision's: an overlap of 3/5 in float32 lies above 0.6") {
  const auto c = candidates({{{0, 0, 4, 1}, 0.9f}, {{1, 0, 5, 1}, 0.5f}}, {0, 0});
  CHECK(kept(c, 0.6, 100) == Rows{0});
}

TEST_CASE("nms: equal scores keep their order") {
  const auto c = candidates({{{0, 0, 1, 1}, 0.5f}, {{5, 5, 6, 6}, 0.5f}, {{9, 9, 10, 10}, 0.5f}}, {2, 0, 1});
  CHECK(kept(c, 0.5f, 100) == Rows{0, 1, 2});
}

TEST_CASE("nms: no boxes, and more than the 1,000 that are moved apart") {
  CHECK(kept(Candidates{}, 0.5f, 10).empty());
  Candidates c;
  for (int i = 0; i < 3000; ++i) {
    const float x = float(i / 2) * 20;
    const std::array<float, 4> box{x, 0, x + 10, 10};
    c.add(box, 1 - float(i) * 1e-4f, i % 3);
  }
  // Every two neighbours are the same box; they suppress each other where they share a group, which they never do.
  CHECK(kept(c, 0.5f, 5000).size() == 3000);
  for (int& g : c.groups) g = 0;
  CHECK(kept(c, 0.5f, 5000).size() == 1500);
}

TEST_CASE("nms: thin boxes and scores that are no number or not above the least take no part, nor suppress") {
  const float nan = NAN;
  const auto c = candidates({{{0, 0, 0.5f, 10}, 0.9f},
                             {{0, 0, 10, 10}, 0.8f},
                             {{0, 0, 10, 10}, nan},
                             {{nan, 0, 10, 10}, 0.95f},
                             {{0, 0, 10, 10}, -0.5f},
                             {{0, 0, 1, 10}, 0}},
                            {0, 0, 0, 0, 0, 0});
  CHECK(kept(c, 0.5, 10, 1) == Rows{1, 5});
  CHECK(kept(c, 0, 10, 1) == Rows{1});
  CHECK(kept(c, 0.5, 0, 1).empty());
  CHECK(kept(c, 1, 10, 1, -0.5f) == Rows{1, 5});
  CHECK(kept(c, 1, 10, 1, 0) == Rows{1});
  CHECK(kept(c, 1, 10, 1) == Rows{1, 5, 4});
}

TEST_CASE("nms: each image has its own candidates and groups") {
  const std::vector<float> boxes{0, 0, 4, 4, 0, 0, 4, 4, 9, 9, 12, 12, 0, 0, 4, 4, 8, 0, 12, 4, 0, 0, 4, 4};
  const Tensor rows = ops::nms(Tensor::of({2, 3, 4}, boxes), Tensor::of<float>({2, 3}, {1, 3, 2, 1, 2, 3}),
                               Tensor::of<int32_t>({2, 3}, {0, 0, 1, 0, 1, 0}), 3, {0, 0.5});
  CHECK(rows.to_vector<int32_t>() == std::vector<int32_t>{1, 2, -1, 2, 1, -1});
}

TEST_CASE("nms: against the definition, pair by pair, on every kind of boxes") {
  for (BoxKind kind : {BoxKind::ordinary, BoxKind::whole_pixels, BoxKind::one_pixel, BoxKind::thin, BoxKind::nan})
    for (int64_t n : {1, 60, 1500})
      for (double threshold : {0.0, 0.31, 0.7, 1.0}) {
        CAPTURE(int(kind));
        const std::vector<PlainBox> boxes = random_boxes(n, kind, RngKey{7}, 60, 40);
        // Above 1,000 candidates groups are not moved apart, which would round coordinates.
        const int groups = n > 1000 ? 5 : 1;
        Candidates c;
        Rows expected, order;
        for (int32_t i = 0; i < int32_t(n); ++i) {
          const PlainBox& b = boxes[size_t(i)];
          c.add({float(b[0]), float(b[1]), float(b[2]), float(b[3])},
                std::floor(RngKey{8}.uniform(uint64_t(i)) * 50) / 50, i % groups);
          order.push_back(i);
        }
        std::stable_sort(order.begin(), order.end(),
                         [&](int32_t a, int32_t b) { return c.scores[size_t(a)] > c.scores[size_t(b)]; });
        for (int32_t i : order) {
          const PlainBox& b = boxes[size_t(i)];
          if (!(float(b[2]) - float(b[0]) >= 2 && float(b[3]) - float(b[1]) >= 2)) continue;
          const bool good = std::none_of(expected.begin(), expected.end(), [&](int32_t j) {
            return i % groups == j % groups && float(plain_iou(b, boxes[size_t(j)])) > threshold;
          });
          if (good) expected.push_back(i);
        }
        CHECK(kept(c, threshold, n, 2) == expected);
        if (expected.size() > 7) {
          expected.resize(7);
          CHECK(kept(c, threshold, 7, 2) == expected);
        }
      }
}

TEST_CASE("nms: what is kept is what torchvision keeps") {
  const Golden golden("nms");
  const Tensor boxes = golden.floats("boxes");
  std::vector<float> scores;
  for (int i = 0; i < 300; ++i) scores.push_back(float(300 - i % 150));
  for (int tenth : {3, 5, 6, 7}) {
    CAPTURE(tenth);
    const Rows rows =
        ops::nms(boxes, Tensor::of({2, 150}, scores), Tensor::zeros({2, 150}, DType::i32), 150, {0, tenth / 10.0})
            .to_vector<int32_t>();
    const std::vector<uint8_t> keep = golden.get<uint8_t>("keep" + std::to_string(tenth)).to_vector<uint8_t>();
    for (size_t image = 0; image < 2; ++image) {
      Rows expected;
      for (int32_t i = 0; i < 150; ++i)
        if (keep[image * 150 + size_t(i)]) expected.push_back(i);
      expected.resize(150, -1);
      CHECK(Rows(rows.begin() + int64_t(image) * 150, rows.begin() + int64_t(image + 1) * 150) == expected);
    }
  }
}
