#include "eval/ap_without.h"

#include <doctest/doctest.h>

#include "eval/bootstrap.h"
#include "tests/eval/random_photos.h"

using namespace sil;

namespace {

struct Evaluated {
  Matches matches;
  std::vector<int64_t> ids;
};

// `photos` hold the ids 1, 2, ...; so many more have neither objects nor detections.
Evaluated evaluated(const std::vector<test::RandomPhoto>& photos, const std::vector<int64_t>& categories,
                    int more = 0) {
  Evaluator e(IouType::bbox, categories);
  e.area_of = AreaOf::box;
  Evaluated out;
  for (const test::RandomPhoto& p : photos) {
    e.add(p.id, p.truths, p.found);
    out.ids.push_back(p.id);
  }
  for (int i = 0; i < more; ++i) out.ids.push_back(int64_t(photos.size()) + 1 + i);
  out.matches = e.matches();
  return out;
}

void check_each(const Evaluated& x) {
  const std::vector<double> recalls = Protocol::coco().recall_thresholds;
  const std::vector<double> without = ap_without_each(x.matches, x.ids, recalls);
  REQUIRE(without.size() == x.ids.size());
  const WeightedAp weighted(x.matches, x.ids, recalls);
  const double all = weighted(std::vector<uint16_t>(x.ids.size(), 1));
  for (size_t i = 0; i < x.ids.size(); ++i) {
    std::vector<uint16_t> weights(x.ids.size(), 1);
    weights[i] = 0;
    CAPTURE(x.ids[i]);
    CHECK(without[i] == doctest::Approx(weighted(weights) - all).epsilon(1e-12));
  }
}

}  // namespace

TEST_CASE("AP without each image: as with a weight of 0 for each in turn") {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    CAPTURE(seed);
    check_each(evaluated(test::random_photos(200 + seed, 25, 4), {1, 2, 3, 4}, 2));
    check_each(evaluated(test::random_photos(300 + seed, 400, 1), {1, 2}));     // long rankings of one class
    check_each(evaluated(test::random_photos(400 + seed, 60, 50), {1, 2, 3}));  // classes of which an image has all
  }
}

TEST_CASE("AP without each image: of equal scores, and of nothing but right detections or wrong ones") {
  for (uint64_t seed = 0; seed < 4; ++seed) {
    std::vector<test::RandomPhoto> photos = test::random_photos(500 + seed, 120, 2);
    for (test::RandomPhoto& photo : photos) {
      if (seed == 1) photo.found.clear();
      if (seed > 1) {
        photo.found.clear();
        for (const Truth& t : photo.truths) photo.found.push_back({t.category_id, .5, t.bbox, {}});
      }
      for (Found& d : photo.found) {
        d.score = seed == 0 ? .25 * double(int64_t(4 * d.score)) : d.score;
        if (seed == 3) d.category_id = 3 - d.category_id;
      }
    }
    CAPTURE(seed);
    check_each(evaluated(photos, {1, 2}));
  }
}

TEST_CASE("AP without each image: the only image, and none") {
  check_each(evaluated(test::random_photos(7, 1, 1), {1}));
  CHECK(ap_without_each({{.5}, {}}, std::vector<int64_t>{}, {0, .5}).empty());
}
