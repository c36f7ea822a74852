#include "eval/tide.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>

#include "eval/confusion.h"
#include "tensor/rng.h"
#include "tests/folder.h"

using namespace sil;

namespace {

namespace fs = std::filesystem;

std::vector<Pairs> pairs_of_all(IouType type, const Annotations& a, const std::vector<Detection>& detections) {
  std::vector<Pairs> out;
  for (size_t row = 0; row < a.photos.size(); ++row) {
    std::vector<const Detection*> of_photo;
    for (const Detection& d : detections)
      if (d.image_id == a.photos[row].id) of_photo.push_back(&d);
    out.push_back(pairs_of(type, a, row, of_photo));
  }
  return out;
}

Tide tide_of(const std::vector<Pairs>& all) {
  std::vector<TidePhoto> photos;
  for (const Pairs& p : all) photos.push_back(tide_photo(p));
  return tide(photos);
}

// Our number under the name in expected.txt.
double number(const Tide& t, const std::string& name) {
  if (name == "AP") return t.AP;
  if (name == "FalsePos") return t.false_positives;
  if (name == "FalseNeg") return t.false_negatives;
  const auto at =
      std::ranges::find(tide_names, name.substr(name.find('_') + 1), [](const char* n) { return std::string(n); });
  const size_t i = size_t(at - tide_names.begin());
  return name.starts_with("dAP") ? t.dAP.at(i) : double(t.errors.at(i));
}

// One photo: objects {class, crowd}, detections of falling score, IoUs by detection.
Pairs pairs(std::vector<Pairs::Object> objects, std::vector<int64_t> classes, std::vector<double> ious) {
  Pairs out{std::move(objects), {}, std::move(ious)};
  for (size_t i = 0; i < classes.size(); ++i) out.detections.push_back({classes[i], .9 - .1 * double(i)});
  return out;
}

TideError only_error(const Pairs& p, size_t row) { return tide_photo(p).rows.at(row).error.value(); }

}  // namespace

TEST_CASE("tide: every number of tidecv on random files, boxes and masks") {
  size_t compared = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(SIL_SOURCE_DIR) / "tests/golden/tide")) {
    const Annotations annotations = read_annotations(entry.path() / "annotations.json");
    const std::vector<Detection> detections = read_results(entry.path() / "results.json");
    const Tide boxes = tide_of(pairs_of_all(IouType::bbox, annotations, detections));
    const Tide masks = tide_of(pairs_of_all(IouType::segm, annotations, detections));
    std::ifstream file(entry.path() / "expected.txt");
    std::string type, name;
    for (double value; file >> type >> name >> value; ++compared) {
      INFO(entry.path().string(), " ", type, " ", name);
      CHECK(std::abs(number(type == "bbox" ? boxes : masks, name) - value) <= 1e-9);
    }
  }
  CHECK(compared == 8 * 2 * 15);
}

TEST_CASE("pairs: a mask that cannot be drawn is an error that names its category and image") {
  Annotations a;
  a.photos = {{5, "", 20, 20}};
  a.annotations.resize(1);
  a.annotations[0].image_id = 5, a.annotations[0].category_id = 9;
  a.annotations[0].segmentation = std::vector<Polygon>{{1, 1, 5, 1, 5, 1e300}};
  a.index();
  CHECK(test::error_of([&] {
          pairs_of(IouType::segm, a, 0, {});
        }).starts_with("an annotation of category 9 in image 5: "));
  CHECK(pairs_of(IouType::bbox, a, 0, {}).objects.size() == 1);
}

TEST_CASE("tide: each error by hand") {
  const std::vector<Pairs::Object> one{{1, false}};
  CHECK(only_error(pairs(one, {1}, {.3}), 0) == TideError::loc);
  CHECK(only_error(pairs(one, {2}, {.8}), 0) == TideError::cls);
  CHECK(only_error(pairs(one, {2}, {.3}), 0) == TideError::both);
  CHECK(only_error(pairs(one, {2}, {.1}), 0) == TideError::bkg);
  CHECK(only_error(pairs(one, {1, 1}, {.9, .8}), 1) == TideError::dupe);
  CHECK_FALSE(tide_photo(pairs(one, {1}, {.5})).rows[0].error);  // the threshold itself is right
  CHECK(tide_photo(pairs(one, {}, {})).objects.at(1).missed == 1);
}

TEST_CASE("tide: an object is repaired once, by the best detection near it, and is then not missed") {
  const TidePhoto photo = tide_photo(pairs({{1, false}}, {2, 1}, {.8, .3}));
  CHECK(photo.rows[0].repaired_class == 1);
  CHECK_FALSE(photo.rows[1].repaired_class);
  CHECK(photo.objects.at(1).missed == 0);
  CHECK(photo.objects.at(1).unfound == 1);
}

TEST_CASE("tide: what lies in a crowd of its class does not count, but is looked at for errors") {
  const TidePhoto photo = tide_photo(pairs({{1, true}, {2, false}}, {1, 2}, {.9, 0, .9, .9}));
  CHECK_FALSE(photo.rows[0].counts);
  CHECK(photo.rows[0].error == TideError::bkg);
  CHECK(photo.rows[1].counts);
  CHECK_FALSE(photo.objects.contains(1));
}

TEST_CASE("tide: nothing at all is 0, with all objects missed a dAP of Miss of 0 too") {
  CHECK(tide({}).AP == 0);
  const std::vector<TidePhoto> missed{tide_photo(pairs({{1, false}}, {}, {}))};
  CHECK(tide(missed).AP == 0);
  CHECK(tide(missed).errors[size_t(TideError::miss)] == 1);
}

TEST_CASE("confusion: best score first, the largest IoU, whatever the class") {
  Confusion c({7, 3});
  // 3 is found as 7 by the better detection, so the second, of the right class, finds nothing.
  c.add(pairs({{3, false}, {7, false}}, {7, 3}, {.8, 0, .9, .2}));
  CHECK(c.categories() == std::vector<int64_t>{3, 7});
  CHECK(c.count(0, 1) == 1);  // a 3 taken for a 7
  CHECK(c.count(2, 0) == 1);  // a 3 where nothing was
  CHECK(c.count(1, 2) == 1);  // the 7 not found
  CHECK(c.count(0, 0) == 0);
}

TEST_CASE("confusion: of equal IoUs the object of the own class; below one half is background") {
  Confusion c({1, 2});
  c.add(pairs({{1, false}, {2, false}}, {2}, {.7, .7}));
  CHECK(c.count(1, 1) == 1);
  CHECK(c.count(0, 2) == 1);
  c.add(pairs({{1, false}}, {1, 1}, {.49, .5}));
  CHECK(c.count(0, 0) == 1);
  CHECK(c.count(2, 0) == 1);
}

TEST_CASE("confusion: crowds and unknown categories do not count") {
  Confusion c({1, 2});
  c.add(pairs({{1, true}, {9, false}}, {1, 9, 2}, {.9, 0, 0, .9, .9, 0}));
  CHECK(c.count(2, 0) == 0);
  CHECK(c.count(2, 1) == 1);  // another class inside the crowd
  CHECK(c.count(0, 2) == 0);
}

TEST_CASE("confusion: of 200,000 classes only the cells that something fell into take memory") {
  std::vector<int64_t> ids(200000);
  std::iota(ids.begin(), ids.end(), int64_t(1));
  Confusion c(ids);  // all cells would be 320 GB
  c.add(pairs({{1, false}, {200000, false}}, {200000, 7}, {.7, 0, 0, 0}));
  CHECK(c.cells() == Confusion::Cells{{{0, 199999}, 1}, {{199999, 200000}, 1}, {{200000, 6}, 1}});
  const std::vector<int64_t> row = c.row(0);
  CHECK(row.size() == 200001);
  CHECK(std::accumulate(row.begin(), row.end(), int64_t(0)) == row[199999]);
  CHECK(row[199999] == 1);
}

TEST_CASE("confusion: rows add up to the objects, columns to the detections; parts merge") {
  Confusion whole({1, 2, 3}), first({1, 2, 3}), second({3, 2, 1});
  int64_t objects = 0, detections = 0;
  for (int n = 0; n < 30; ++n) {
    const RngKey key = RngKey{uint64_t(n)};
    Pairs p{{}, {}, {}};
    for (int64_t g = 0; g < key.below(0, 5); ++g) p.objects.push_back({1 + key.below(uint64_t(10 + g), 3), false});
    for (int64_t d = 0; d < key.below(1, 8); ++d)
      p.detections.push_back({1 + key.below(uint64_t(50 + d), 3), 1 - .1 * double(d)});
    for (size_t i = 0; i < p.objects.size() * p.detections.size(); ++i) p.ious.push_back(key.uniform64(100 + i));
    objects += int64_t(p.objects.size()), detections += int64_t(p.detections.size());
    whole.add(p);
    (n % 2 ? first : second).add(p);
  }
  first.merge(second);
  int64_t found = 0, there = 0;
  for (size_t i = 0; i < 4; ++i)
    for (size_t j = 0; j < 4; ++j) {
      CHECK(whole.count(i, j) == first.count(i, j));
      if (i < 3) there += whole.count(i, j);
      if (j < 3) found += whole.count(i, j);
    }
  CHECK(there == objects);
  CHECK(found == detections);
}
