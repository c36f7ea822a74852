#include "eval/evaluation.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "tensor/check.h"

using namespace sil;

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> cases(const char* golden = "eval") {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(fs::path(SIL_SOURCE_DIR) / "tests/golden" / golden))
    out.push_back(entry.path());
  std::ranges::sort(out);
  return out;
}

// The lines of expected.txt: what comes before the values, and the values.
std::map<std::string, std::vector<double>> expected(const fs::path& folder) {
  std::map<std::string, std::vector<double>> out;
  std::ifstream file(folder / "expected.txt");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string a, b, c, value;
    words >> a >> b >> c;
    std::vector<double>& values = out[a + ' ' + b + ' ' + c];
    while (words >> value) values.push_back(std::strtod(value.c_str(), nullptr));
  }
  return out;
}

void put(std::map<std::string, std::vector<double>>& out, const std::string& what, const Summary& s) {
  for (size_t i = 0; i < Summary::names.size(); ++i) out[what + ' ' + Summary::names[i]] = {s.values()[i]};
}

std::map<std::string, std::vector<double>> measured(const Metrics& m) {
  std::map<std::string, std::vector<double>> out;
  if (m.bbox) put(out, "bbox all", *m.bbox);
  if (m.segm) put(out, "segm all", *m.segm);
  if (m.boundary) put(out, "boundary all", *m.boundary);
  for (const ClassMetrics& c : m.per_class) {
    if (c.bbox) put(out, fmt::format("bbox {}", c.category_id), *c.bbox);
    if (c.segm) put(out, fmt::format("segm {}", c.category_id), *c.segm);
    if (c.boundary) put(out, fmt::format("boundary {}", c.category_id), *c.boundary);
  }
  return out;
}

Metrics evaluate(const fs::path& folder, EvaluationOptions options) {
  const Annotations annotations = read_annotations(folder / "annotations.json");
  Evaluation e(annotations, options);
  e.add_all(read_results(folder / "results.json"));
  return e.metrics();
}

// A small set: two photos, one square each.
Annotations two_photos() {
  Annotations a;
  a.source = "two.json";
  a.photos = {{3, "a.png", 40, 40}, {1, "b.png", 40, 40}};
  a.categories = {{7, "square", ""}};
  for (int64_t id : {1, 3}) {
    Annotation x;
    x.id = 10 + id, x.image_id = id, x.category_id = 7;
    x.bbox = {5, 5, 10, 10}, x.has_bbox = true;
    x.area = 100, x.has_area = true;
    x.segmentation = std::vector<Polygon>{{5, 5, 15, 5, 15, 15, 5, 15}};
    a.annotations.push_back(x);
  }
  a.index();
  return a;
}

Detection box_detection(int64_t image, double score = .5) {
  Detection d;
  d.image_id = image, d.category_id = 7, d.score = score;
  d.bbox = {5, 5, 10, 10}, d.has_bbox = true;
  return d;
}

}  // namespace

TEST_CASE("evaluation: every number of pycocotools on random nasty files, to the last bit") {
  size_t compared = 0;
  for (const fs::path& folder : cases()) {
    INFO(folder.string());
    const auto ours = measured(evaluate(folder, {.torchmetrics = false}));
    for (const auto& [what, values] : expected(folder)) {
      if (what.starts_with("torchmetrics")) continue;
      INFO(what);
      REQUIRE(ours.contains(what));
      CHECK(ours.at(what) == values);
      ++compared;
    }
  }
  CHECK(compared > 20 * 2 * 12);
}

TEST_CASE("evaluation: Boundary IoU's numbers are those of faster-coco-eval's IoUs in pycocotools, to the last bit") {
  size_t compared = 0;
  for (const fs::path& folder : cases("eval_boundary")) {
    INFO(folder.string());
    const EvaluationOptions options{.bbox = false, .segm = false, .boundary = true};
    const auto ours = measured(evaluate(folder, options));
    CHECK(ours.contains("boundary 1 AP"));
    for (const auto& [what, values] : expected(folder)) {
      INFO(what);
      CHECK(ours.at(what) == values);
      ++compared;
    }
    CHECK(evaluate(folder, options).torchmetrics.empty());  // it has no such IoU
  }
  CHECK(compared == 9 * 12);
}

TEST_CASE("evaluation: every number of torchmetrics, names and all") {
  size_t compared = 0;
  for (const fs::path& folder : cases()) {
    const auto wanted = expected(folder);
    for (const auto& [types, options] : {std::pair{"bbox", EvaluationOptions{.segm = false}},
                                         {"segm", EvaluationOptions{.bbox = false}},
                                         {"bbox+segm", EvaluationOptions{}}}) {
      INFO(folder.string(), " ", types);
      const std::string prefix = fmt::format("torchmetrics {} ", types);
      std::map<std::string, std::vector<double>> theirs, ours;
      for (const auto& [what, values] : wanted)
        if (what.starts_with(prefix)) theirs[what.substr(prefix.size())] = values;
      if (theirs.empty()) continue;
      for (const auto& [name, values] : evaluate(folder, options).torchmetrics) ours[name] = values;
      CHECK(ours == theirs);
      compared += theirs.size();
    }
  }
  CHECK(compared > 5 * 3 * 15);
}

TEST_CASE("evaluation: photo by photo, in any order and in parts, gives the same bits") {
  for (const fs::path& folder : cases()) {
    INFO(folder.string());
    const Annotations annotations = read_annotations(folder / "annotations.json");
    const std::vector<Detection> all = read_results(folder / "results.json");
    const AreaOf area_of = all.at(0).has_bbox ? AreaOf::box : AreaOf::mask;
    Evaluation whole(annotations), first(annotations), second(annotations);
    first.set_area_of(area_of);
    second.set_area_of(area_of);
    whole.add_all(all);
    std::vector<Photo> photos = annotations.photos;
    std::ranges::sort(photos, std::greater{}, &Photo::id);
    const auto again = std::ranges::unique(photos, {}, &Photo::id);
    photos.erase(again.begin(), again.end());
    bool odd = false;
    for (const Photo& photo : photos) {
      std::vector<Detection> some;
      std::ranges::copy_if(all, std::back_inserter(some), [&](const Detection& d) { return d.image_id == photo.id; });
      ((odd = !odd) ? first : second).add(photo.id, some);
    }
    second.merge(first);
    CHECK(to_json(whole.metrics()) == to_json(second.metrics()));
    CHECK(whole.warnings() == second.warnings());
  }
}

TEST_CASE("evaluation: detections with boxes alone are rectangles under segm") {
  const Annotations a = two_photos();
  Evaluation e(a);
  e.add(3, std::vector{box_detection(3)});
  e.add_rest();
  const Metrics m = e.metrics();
  CHECK(m.segm->AR100 == .5);
  CHECK(m.bbox->AR100 == .5);
  CHECK(m.per_class.at(0).name == "square");
  CHECK(m.per_class.at(0).objects == 2);
  CHECK(m.per_class.at(0).detections == 1);
}

TEST_CASE("evaluation: no detections are AP 0") {
  const Annotations a = two_photos();
  Evaluation e(a);
  e.add_rest();
  CHECK(e.metrics().bbox->AP == 0);
  CHECK(e.metrics().segm->AP == 0);
}

TEST_CASE("evaluation: what is ignored is counted") {
  Annotations a = two_photos();
  a.annotations[0].category_id = 70;
  a.annotations[1].has_area = false;
  a.index();
  Evaluation e(a);
  std::vector<Detection> found{box_detection(1), box_detection(3)};
  found[1].category_id = 8;
  e.add_all(found);
  const std::vector<std::string> w = e.warnings();
  REQUIRE(w.size() == 3);
  CHECK(w[0] == "two.json: 1 annotations of unknown categories are ignored, the first is annotation 11");
  CHECK(w[1] == "two.json: 1 annotations have no area; their mask's or box's is taken, the first is annotation 13");
  CHECK(w[2] == "1 detections of categories that two.json does not have are ignored");
}

TEST_CASE("evaluation: a missing area is the mask's, else the box's, whatever is wrong with the mask") {
  for (const auto& [polygon, area, APs] :
       {std::tuple{Polygon{5, 5, 15, 5, 15, 15, 5, 15}, 100, 1.}, std::tuple{Polygon{1, 2, 3, 4}, 1600, -1.}}) {
    Annotations a = two_photos();
    for (Annotation& x : a.annotations)
      x.bbox = {0, 0, 40, 40}, x.has_area = false, x.segmentation = std::vector<Polygon>{polygon};
    Evaluation e(a, {.segm = false});
    std::vector<Detection> found{box_detection(1), box_detection(3)};
    for (Detection& d : found) d.bbox = {0, 0, 40, 40};
    e.add_all(found);
    INFO(area);
    CHECK(e.metrics().bbox->AP == 1);
    CHECK(e.metrics().bbox->APs == APs);
  }
}

TEST_CASE("evaluation: where pycocotools raises, an error names the record") {
  Annotations a = two_photos();
  Evaluation e(a);
  CHECK_THROWS_WITH_AS(
      check_photos(a, view(std::vector{box_detection(3), box_detection(2)}, "r.json")),
      "r.json: record 1: image_id 2 is not in two.json; 1 of 2 detections have unknown image ids; theirs are "
      "2 to 3, the annotations' 1 to 3",
      Error);
  CHECK_THROWS_AS(e.add(2, {}), Error);

  std::vector<Detection> found{box_detection(1), box_detection(3)};
  found[1].has_bbox = false;
  CHECK_THROWS_WITH_AS(
      e.add_all(found),
      "detections: record 1: detection of category 7 with score 0.5 in image 3: no bbox, but the first "
      "result has one",
      Error);

  a.annotations[1].segmentation = {};
  CHECK_THROWS_WITH_AS(Evaluation(a).add_rest(), "two.json: annotation 13: segm evaluation needs a segmentation",
                       Error);
  a.annotations[1].segmentation = std::vector<Polygon>{};
  CHECK_THROWS_WITH_AS(Evaluation(a).add_rest(), "two.json: annotation 13: segmentation is empty", Error);
  a.annotations[1].segmentation = std::vector<Polygon>{{1, 2, 3, 4}};
  CHECK_THROWS_WITH_AS(Evaluation(a).add_rest(),
                       "two.json: annotation 13: its first polygon has 4 numbers; 6 or more expected", Error);
  a.annotations[1].has_bbox = false;
  CHECK_THROWS_WITH_AS(Evaluation(a).add_rest(), "two.json: annotation 13: bbox evaluation needs a bbox", Error);
}
