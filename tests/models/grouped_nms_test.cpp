#include "models/grouped_nms.h"

#include <doctest/doctest.h>

#include "models/config.h"

using namespace sil;

namespace {

Candidates<float> candidates(const std::vector<std::pair<std::array<float, 4>, float>>& rows,
                             const std::vector<int>& groups) {
  Candidates<float> c;
  for (size_t i = 0; i < rows.size(); ++i) c.add(rows[i].first.data(), rows[i].second, groups[i]);
  return c;
}

using Rows = std::vector<size_t>;

}  // namespace

TEST_CASE("grouped_nms: suppression stays inside a group, the best of all come first") {
  const auto c = candidates({{{0, 0, 10, 10}, 0.5f}, {{0, 0, 10, 11}, 0.9f}, {{0, 0, 10, 10}, 0.7f}}, {1, 1, 2});
  CHECK(grouped_nms(c, 0.5f, 100) == Rows{1, 2});
  CHECK(grouped_nms(c, 0.95f, 100) == Rows{1, 2, 0});
  CHECK(grouped_nms(c, 0.5f, 1) == Rows{1});
}

TEST_CASE("grouped_nms: the threshold is a double, as torchvision's: an overlap of 3/5 in float32 lies above 0.6") {
  const auto c = candidates({{{0, 0, 4, 1}, 0.9f}, {{1, 0, 5, 1}, 0.5f}}, {0, 0});
  CHECK(grouped_nms(c, 0.6, 100) == Rows{0});
  ModelConfig config;
  config.box.nms_threshold = 0.6;
  CHECK(grouped_nms(c, config.box.nms_threshold, 100) == Rows{0});
}

TEST_CASE("grouped_nms: equal scores keep their order") {
  const auto c = candidates({{{0, 0, 1, 1}, 0.5f}, {{5, 5, 6, 6}, 0.5f}, {{9, 9, 10, 10}, 0.5f}}, {2, 0, 1});
  CHECK(grouped_nms(c, 0.5f, 100) == Rows{0, 1, 2});
}

TEST_CASE("grouped_nms: no boxes, and more than the 1,000 that are moved apart") {
  CHECK(grouped_nms(Candidates<float>{}, 0.5f, 10).empty());
  Candidates<float> c;
  for (int i = 0; i < 3000; ++i) {
    const float x = float(i / 2) * 20;
    const std::array<float, 4> box{x, 0, x + 10, 10};
    c.add(box.data(), 1 - float(i) * 1e-4f, i % 3);
  }
  // Every two neighbours are the same box; they suppress each other where they share a group, which they never do.
  CHECK(grouped_nms(c, 0.5f, 5000).size() == 3000);
  for (int& g : c.groups) g = 0;
  CHECK(grouped_nms(c, 0.5f, 5000).size() == 1500);
}
