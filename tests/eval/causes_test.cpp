#include "eval/causes.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "eval/evaluation.h"
#include "eval/explanation.h"
#include "tests/eval/random_photos.h"
#include "tests/folder.h"

using namespace sil;

namespace {

namespace fs = std::filesystem;

constexpr int width = 180, height = 160;
constexpr std::array<IouType, 2> both{IouType::bbox, IouType::segm};
const std::vector<int64_t> ids{1, 2, 4, 7};  // with holes, as COCO's

struct Files {
  Annotations annotations;
  std::vector<Detection> detections;

  std::vector<Cause> causes(const Protocol& protocol = Protocol::coco()) const {
    return sil::causes(annotations, detections, protocol, both);
  }
  // The only cause found, and what it says.
  void check_only(const std::string& name, const std::string& says) const {
    const std::vector<Cause> found = causes();
    INFO(to_text(found));
    REQUIRE(found.size() == 1);
    CHECK(found[0].name == name);
    CHECK(found[0].text.find(says) != std::string::npos);
  }
};

// Photos 1 to n, most of their objects found.
Files sound(uint64_t seed = 1, int photos = 30) {
  Files out;
  out.annotations.source = "val.json";
  for (int64_t id : ids) out.annotations.categories.push_back({id, fmt::format("class {}", id), ""});
  for (const test::RandomPhoto& p : test::random_photos(seed, photos, 4)) {
    out.annotations.photos.push_back({p.id, "", width, height});
    for (const Truth& t : p.truths) {
      Annotation x;
      x.id = t.id, x.image_id = p.id, x.category_id = ids[size_t(t.category_id - 1)];
      x.bbox = t.bbox, x.has_bbox = true, x.area = t.area, x.has_area = true, x.crowd = t.crowd;
      x.segmentation = rectangle(t.bbox, height, width);
      out.annotations.annotations.push_back(x);
    }
    for (const Found& f : p.found) {
      Detection d;
      d.image_id = p.id, d.category_id = ids[size_t(f.category_id - 1)], d.score = f.score;
      d.bbox = f.bbox, d.has_bbox = true;
      d.segmentation = rectangle(f.bbox, height, width);
      out.detections.push_back(d);
    }
  }
  out.annotations.index();
  return out;
}

void as_corners(std::array<double, 4>& b) { b[2] += b[0], b[3] += b[1]; }
void as_centre(std::array<double, 4>& b) { b[0] += b[2] / 2, b[1] += b[3] / 2; }
void as_shares(std::array<double, 4>& b) {
  for (size_t i = 0; i < 4; ++i) b[i] = std::clamp(b[i] / (i % 2 ? height : width), 0.0, 1.0);
}

}  // namespace

TEST_CASE("causes: sound files have none, few photos or many, nor have tidecv's and pycocotools' cases") {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const auto found = sound(seed, seed % 2 ? 5 : 60).causes();
    INFO(seed, " ", to_text(found));
    CHECK(found.empty());
  }
  for (const auto& entry : fs::directory_iterator(fs::path(SIL_SOURCE_DIR) / "tests/golden/tide")) {
    Files f{read_annotations(entry.path() / "annotations.json"), read_results(entry.path() / "results.json")};
    INFO(entry.path().string(), " ", to_text(f.causes()));
    CHECK(f.causes().empty());
  }
}

TEST_CASE("causes: category ids off by one, either way") {
  Files f = sound();
  for (Detection& d : f.detections) --d.category_id;
  f.check_only("category_ids",
               fmt::format("all {} detections have category ids 0 to 6, the annotations 1 to 7: ids off by one?",
                           f.detections.size()));
  for (Detection& d : f.detections) d.category_id += 2;
  f.check_only("category_ids", "have category ids 2 to 8, the annotations 1 to 7: ids off by one?");
}

TEST_CASE("causes: places in the list of categories for ids, from 0 and from 1") {
  for (int64_t first : {0, 1}) {
    Files f = sound();
    for (Detection& d : f.detections) d.category_id = first + (std::ranges::find(ids, d.category_id) - ids.begin());
    f.check_only("category_ids",
                 first == 0 ? "places in the list counted from 0" : "places in the list counted from 1");
  }
}

TEST_CASE("causes: category ids of another list, where no object is found either") {
  Files f = sound();
  for (Detection& d : f.detections) d.category_id += 50, d.bbox = {0, 0, 2, 2};
  f.check_only("category_ids", "have category ids 51 to 57, the annotations 1 to 7, and none of them is among these");
}

TEST_CASE("causes: boxes as corners, as centres, relative to the image") {
  const auto planted = [](auto... change) {
    Files f = sound();
    for (Detection& d : f.detections) (change(d.bbox), ...);
    return f;
  };
  planted(as_corners).check_only("boxes", "the detections' boxes look like corners x1, y1, x2, y2, where");
  planted(as_centre).check_only("boxes", "centre x, y, width, height, where");
  planted(as_shares).check_only("boxes", "x, y, width, height relative to the image, 0 to 1");
  planted(as_corners, as_shares).check_only("boxes", "corners x1, y1, x2, y2 relative to the image");
  planted(as_centre, as_shares).check_only("boxes", "centre x, y, width, height relative to the image");
}

TEST_CASE("causes: boxes from 0 to 1 are named even where nothing is found") {
  Files f = sound();
  for (Detection& d : f.detections) d.bbox = {0, 0, .01, .01};
  f.check_only("boxes", "all lie between 0 and 1");
}

TEST_CASE("causes: corners in the annotations") {
  Files f = sound();
  for (Annotation& x : f.annotations.annotations) as_corners(x.bbox);
  f.check_only("annotation_boxes", "the annotations' boxes look like corners");
}

TEST_CASE("causes: corners and ids off by one together are both named") {
  Files f = sound();
  for (Detection& d : f.detections) as_corners(d.bbox), --d.category_id;
  const std::vector<Cause> found = f.causes();
  REQUIRE(found.size() == 2);
  CHECK(found[0].name == "boxes");
  CHECK(found[1].name == "category_ids");
}

TEST_CASE("causes: image ids off by one, all of them known") {
  Files f = sound();
  f.annotations.photos.push_back({0, "", width, height});
  f.annotations.index();
  for (Detection& d : f.detections) --d.image_id;
  f.check_only("image_ids", "off by one: with 1 added");
}

TEST_CASE("causes: images with objects and images with detections that do not meet") {
  Files f = sound();
  for (int64_t id : {101, 102}) f.annotations.photos.push_back({id, "", width, height});
  f.annotations.index();
  for (Detection& d : f.detections) d.image_id = 101 + d.image_id % 2;
  f.check_only("image_ids", "no image has both objects and detections: the detections' images are 101 to 102");
}

TEST_CASE("causes: unknown images, with a guess") {
  Files f = sound();
  CHECK(unknown_images(f.annotations, f.detections).empty());
  for (Detection& d : f.detections) --d.image_id;
  const std::string off = unknown_images(f.annotations, f.detections);
  INFO(off);
  CHECK(off.find("the annotations' 1 to 30: ids off by one?") != std::string::npos);
  for (Detection& d : f.detections) d.image_id += 5000;
  const std::string far = unknown_images(f.annotations, f.detections);
  CHECK(far.starts_with(fmt::format("{0} of {0} detections have unknown image ids", f.detections.size())));
  CHECK(far.ends_with("the annotations' 1 to 30"));
}

TEST_CASE("causes: masks of another size, turned or not, of either side") {
  Files f = sound();
  for (Detection& d : f.detections) d.segmentation = rectangle(d.bbox, width, height);
  f.check_only("mask_sizes", "180 x 160 where image 1 is 160 x 180 (height x width): height and width exchanged?");
  f = sound();
  f.detections[3].segmentation = rectangle(f.detections[3].bbox, height, width + 1);
  f.check_only("mask_sizes", fmt::format("1 of {} masks of the detections", f.detections.size()));
  f = sound();
  f.annotations.annotations[0].segmentation = rectangle({0, 0, 5, 5}, 20, 20);
  f.check_only("mask_sizes", "masks of the annotations");
}

TEST_CASE("causes: no masks at all under segm, and not under bbox") {
  Files f = sound();
  for (Detection& d : f.detections) d.segmentation = {};
  f.check_only("no_masks", "boxes count as masks");
  CHECK(causes(f.annotations, f.detections, Protocol::coco(), std::span(both).first(1)).empty());
}

TEST_CASE("causes: limits of detections without 100") {
  const Files f = sound();
  Protocol p = Protocol::coco();
  p.max_detections = {1, 10, 1000};
  const std::vector<Cause> found = f.causes(p);
  REQUIRE(found.size() == 1);
  CHECK(found[0].name == "detection_limits");
  CHECK(found[0].text.find("1, 10, 1000: it is -1") != std::string::npos);
}

TEST_CASE("causes: nothing to find, nothing found, crowds alone") {
  Files f = sound();
  f.detections.clear();
  f.check_only("nothing", "no detections");
  f = sound();
  for (Annotation& x : f.annotations.annotations) x.category_id = 99;
  f.check_only("nothing", "val.json has no object of a known image and category");
  f = sound();
  for (Annotation& x : f.annotations.annotations) x.crowd = true;
  const std::vector<Cause> found = f.causes();
  REQUIRE(!found.empty());
  CHECK(found[0].name == "crowds");
}

TEST_CASE("explanation: the same text and JSON for any number of threads; IoU .5 is needed") {
  const Files f = sound(3, 60);
  Evaluation e(f.annotations, {.torchmetrics = false});
  e.add_all(f.detections);
  setenv("SIL_THREADS", "1", 1);
  const Explanation one = explain(f.annotations, f.detections, *e.segm());
  setenv("SIL_THREADS", "3", 1);
  const Explanation three = explain(f.annotations, f.detections, *e.segm());
  unsetenv("SIL_THREADS");
  CHECK(to_json({}, std::array{one}) == to_json({}, std::array{three}));
  CHECK(to_text(one) == to_text(three));
  CHECK(one.type == "segm");
  CHECK(one.classes.size() == ids.size());
  CHECK(one.classes[2].category_id == 4);
  CHECK(one.classes[0].AP50 > one.classes[0].AP75);
  CHECK(one.classes[0].best->f1 > .4);
}

TEST_CASE("compare: worse detections of the same photos are worse beyond chance, the same ones are not") {
  const Files f = sound(5, 200);
  std::vector<Detection> worse = f.detections;
  for (size_t i = 0; i < worse.size(); i += 2) worse[i].bbox[0] += 12;
  std::vector<Evaluation> runs(3, Evaluation(f.annotations, {.segm = false, .torchmetrics = false}));
  runs[0].add_all(f.detections);
  runs[1].add_all(worse);
  runs[2].add_all(f.detections);
  const std::array<const Evaluator*, 3> contenders{&*runs[0].bbox(), &*runs[1].bbox(), &*runs[2].bbox()};
  const std::array<std::string, 3> names{"good.json", "worse.json", "same.json"};
  const std::vector<Compared> found = compare(f.annotations, contenders, names, 200, 0);
  REQUIRE(found.size() == 2);
  CHECK(found[0].first_AP == doctest::Approx(runs[0].metrics().bbox->AP).epsilon(1e-12));
  CHECK(found[0].high < 0);
  CHECK(found[0].above == 0);
  CHECK(found[1].low == 0);
  CHECK(found[1].high == 0);
  const std::string text = to_text(found);
  INFO(text);
  CHECK(text.find("worse.json") != std::string::npos);
  CHECK(text.find("may be chance") != std::string::npos);
}
