#include "eval/bootstrap.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include "eval/metrics.h"
#include "tests/eval/random_photos.h"
#include "tests/folder.h"

using namespace sil;

namespace {

using Photos = std::vector<test::RandomPhoto>;

// Each photo so many times, the copies under ids of their own, beside each other.
Evaluator evaluator(const Photos& photos, const std::vector<uint16_t>& copies) {
  Evaluator e(IouType::bbox, {1, 2, 3, 4});
  e.area_of = AreaOf::box;
  for (size_t i = 0; i < photos.size(); ++i)
    for (int c = 0; c < copies[i]; ++c) e.add(photos[i].id * 1000 + c, photos[i].truths, photos[i].found);
  return e;
}

std::vector<int64_t> ids(const Photos& photos) {
  std::vector<int64_t> out;
  for (const test::RandomPhoto& p : photos) out.push_back(p.id * 1000);
  return out;
}

double ap(const Evaluator& e) { return summarise(e.accumulate(), e.protocol()).AP; }

WeightedAp weighted(const Photos& photos) {
  return {evaluator(photos, std::vector<uint16_t>(photos.size(), 1)).matches(), ids(photos),
          Protocol::coco().recall_thresholds};
}

}  // namespace

TEST_CASE("bootstrap: with a weight of 1 for each image it is AP") {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const Photos photos = test::random_photos(seed, 40, 4);
    const std::vector<uint16_t> ones(photos.size(), 1);
    CHECK(weighted(photos)(ones) == doctest::Approx(ap(evaluator(photos, ones))).epsilon(1e-13));
  }
}

TEST_CASE("bootstrap: an image's weight counts as so many copies of it, 0 as none") {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Photos photos = test::random_photos(100 + seed, 30, 4);
    std::vector<uint16_t> weights;
    for (size_t i = 0; i < photos.size(); ++i) weights.push_back(uint16_t(RngKey{seed}.below(i, 4)));
    CAPTURE(seed);
    CHECK(weighted(photos)(weights) == doctest::Approx(ap(evaluator(photos, weights))).epsilon(1e-13));
  }
}

TEST_CASE("bootstrap: nothing drawn is -1") {
  const Photos photos = test::random_photos(1, 10, 4);
  CHECK(weighted(photos)(std::vector<uint16_t>(photos.size(), 0)) == -1);
}

TEST_CASE("bootstrap: the seed alone decides, not the threads") {
  const std::vector<WeightedAp> one{weighted(test::random_photos(5, 40, 4))};
  setenv("SIL_THREADS", "1", 1);
  const auto serial = bootstrap(one, 20, 7);
  setenv("SIL_THREADS", "3", 1);
  CHECK(bootstrap(one, 20, 7) == serial);
  unsetenv("SIL_THREADS");
  CHECK(bootstrap(one, 20, 8) != serial);
}

// A difference that is nothing but chance in each image has an interval of about its standard error on both sides.
TEST_CASE("bootstrap: the interval holds AP itself and narrows as images are added") {
  double before = 1;
  for (int images : {50, 800}) {
    const Photos photos = test::random_photos(9, images, 4);
    std::vector<double> samples = bootstrap(std::vector<WeightedAp>{weighted(photos)}, 300, 0)[0];
    std::ranges::sort(samples);
    const double whole = ap(evaluator(photos, std::vector<uint16_t>(photos.size(), 1)));
    CHECK(samples[7] < whole);
    CHECK(samples[292] > whole);
    CHECK(samples[292] - samples[7] < before / 2);
    before = samples[292] - samples[7];
  }
}

TEST_CASE("bootstrap: contenders are paired, so one beside itself differs by nothing") {
  const Photos photos = test::random_photos(3, 60, 4);
  const std::vector<WeightedAp> twice{weighted(photos), weighted(photos)};
  const auto samples = bootstrap(twice, 50, 0);
  const Difference d = difference(samples[0], samples[1]);
  CHECK(d.low == 0);
  CHECK(d.high == 0);
  CHECK(d.above == 0);
}

TEST_CASE("difference: the middle 95 % of the samples, interpolated as numpy.percentile does") {
  std::vector<double> zero(101), second;
  for (int i = 100; i >= 0; --i) second.push_back(i - 30);
  const Difference d = difference(zero, second);
  CHECK(d.low == doctest::Approx(2.5 - 30));
  CHECK(d.high == doctest::Approx(97.5 - 30));
  CHECK(d.above == doctest::Approx(70 / 101.0));
}
