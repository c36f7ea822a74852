#include "data/validate.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "data/dataset.h"
#include "data/image.h"
#include "golden.h"
#include "tensor/check.h"
#include "tests/folder.h"

using namespace sil;

namespace {

// One photo, one category, one flawless square; each test spoils something.
Annotations one_square() {
  Annotations all;
  all.source = "f.json";
  all.photos = {{7, "a.png", 20, 10}};
  all.categories = {{3, "fig", ""}};
  Annotation a;
  a.id = 5;
  a.image_id = 7;
  a.category_id = 3;
  a.bbox = {2, 2, 6, 6};
  a.has_bbox = true;
  a.segmentation = std::vector<Polygon>{{2, 2, 8, 2, 8, 8, 2, 8}};
  all.annotations = {a};
  return all;
}

std::vector<std::string> lines(const std::vector<Finding>& findings) {
  std::vector<std::string> all;
  for (const Finding& f : findings)
    all.push_back((f.severity == Severity::stops_training ? "stops: " : "warning: ") + f.line());
  return all;
}

template <class Spoil>
std::vector<std::string> after(Spoil spoil, Depth depth = Depth::full) {
  Annotations all = one_square();
  spoil(all, all.annotations[0]);
  all.index();
  return lines(check_annotations(all, depth));
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("validate: a flawless set has no findings") {
  CHECK(after([](auto&, auto&) {}).empty());
}

TEST_CASE("validate: what stops training") {
  CHECK(
      after([](auto&, Annotation& a) { a.category_id = 9; }) ==
      Lines{"stops: a.png: annotation 5: category_id 9 is not among the categories",
            "warning: f.json: category 3 (fig) has no objects",
            "stops: f.json: nothing to learn from: of 1 annotations 0 are crowds, 1 of an unknown image or category"});
  CHECK(after([](auto&, Annotation& a) { a.crowd = true; }).back() ==
        "stops: f.json: nothing to learn from: of 1 annotations 1 are crowds, 0 of an unknown image or category");
  CHECK(after([](Annotations& all, auto&) { all.annotations.clear(); }).back() ==
        "stops: f.json: nothing to learn from: of 0 annotations 0 are crowds, 0 of an unknown image or category");
  CHECK(after([](auto&, Annotation& a) { a.image_id = 9; }).at(0) ==
        "stops: f.json: annotation 5: image_id 9 is not among the images");
  CHECK(after([](Annotations& all, auto&) { all.photos.push_back(all.photos[0]); }) ==
        Lines{"stops: f.json: image id 7 is used twice"});
  CHECK(after([](Annotations& all, auto&) { all.categories.push_back(all.categories[0]); }).at(0) ==
        "stops: f.json: category id 3 is used twice");
  CHECK(after([](auto&, Annotation& a) {
          a.segmentation = std::vector<Polygon>{{1, 1, 2, 2}};
        }) == Lines{"stops: a.png: annotation 5: polygon 0 has 2 points; 3 or more expected"});
  CHECK(after([](auto&, Annotation& a) {
          a.segmentation = std::vector<Polygon>{{1, 1, 2, 2, 3}};
        }) == Lines{"stops: a.png: annotation 5: polygon 0 has 5 coordinates; pairs of x, y expected"});
  CHECK(after([](auto&, Annotation& a) {
          a.segmentation = std::vector<Polygon>{{1, 1, 2, 2, NAN, 3}};
        }) == Lines{"stops: a.png: annotation 5: polygon 0 has a coordinate that is not a number, or past 1e12"});
  CHECK(after([](auto&, Annotation& a) {
          a.segmentation = Rle{10, 10, {100}};
        }) == Lines{"stops: a.png: annotation 5: mask is 10 x 10, its photo 20 x 10 (width x height)"});
  CHECK(after([](auto&, Annotation& a) { a.bbox[2] = NAN; }) ==
        Lines{"stops: a.png: annotation 5: bbox [2, 2, nan, 6] has a number that is not finite"});
  CHECK(after([](auto&, Annotation& a) {
          a.segmentation = {};
          a.has_bbox = false;
        }) == Lines{"stops: a.png: annotation 5: has neither segmentation nor bbox"});
}

TEST_CASE("validate: what training lives with is a warning") {
  CHECK(after([](Annotations& all, Annotation& a) { all.annotations.push_back(a); }) ==
        Lines{"warning: a.png: annotation 5: its id is another annotation's too"});
  CHECK(after([](auto&, Annotation& a) { a.bbox[3] = 0; }) ==
        Lines{"warning: a.png: annotation 5: bbox [2, 2, 6, 0] has no area"});
  for (const double area : {double(NAN), -1.0, HUGE_VAL})
    CHECK(after([&](auto&, Annotation& a) {
            a.area = area;
            a.has_area = true;
          }) == Lines{fmt::format("warning: a.png: annotation 5: area is {}; a number of 0 or more expected", area)});
  CHECK(after([](Annotations& all, auto&) {
          all.categories.push_back({4, "fig", ""});
        }).at(0) == "warning: f.json: categories 3 and 4 are both named fig");
  CHECK(after([](auto&, Annotation& a) { a.segmentation = {}; }) ==
        Lines{"warning: a.png: annotation 5: has no segmentation; its box stands for the mask"});
  CHECK(after([](auto&, Annotation& a) {
          a.segmentation = std::vector<Polygon>{{2, 2, 8, 8, 8, 2, 2, 8}};
        }) == Lines{"warning: a.png: annotation 5: polygon 0 crosses itself"});
  CHECK(after([](auto&, Annotation& a) {
          a.bbox = {8, 2, 6, 6};
        }) ==
        Lines{"warning: a.png: annotation 5: bbox [8, 2, 6, 6] is up to 6.0 pixels from its mask's [2, 2, 6, 6]"});
  CHECK(after([](auto&, Annotation& a) {
          a.segmentation = Rle{10, 20, {200}};
        }) == Lines{"warning: a.png: annotation 5: mask has no pixel inside the photo"});
  CHECK(
      after([](auto&, Annotation& a) {
        a.bbox = {15, 2, 6, 6};
        a.segmentation = std::vector<Polygon>{{15, 2, 21, 2, 21, 8, 15, 8}};
      }) ==
      Lines{"warning: a.png: annotation 5: bbox [15, 2, 6, 6] reaches outside the photo of 20 x 10 (width x height)"});
  CHECK(after([](Annotations& all, auto&) {
          all.photos.push_back({8, "b.png", 4, 4});
        }) == Lines{"warning: b.png: has no objects"});
  CHECK(after([](Annotations& all, Annotation& a) {
          all.photos.push_back({8, "b.png", 20, 10});
          all.annotations.push_back(a);
          all.annotations[1].id = 6, all.annotations[1].image_id = 8, all.annotations[1].crowd = true;
        }) == Lines{"warning: b.png: annotation 6: is a crowd (iscrowd 1); training leaves it out",
                    "warning: b.png: has no objects"});
  CHECK(after([](Annotations& all, auto&) {
          all.categories.push_back({4, "date", ""});
        }) == Lines{"warning: f.json: category 4 (date) has no objects"});
  const Lines crowd = after([](Annotations& all, Annotation& a) {
    Annotation other = a;
    other.id = 6;
    other.crowd = true;
    all.annotations.push_back(other);
  });
  CHECK(crowd == Lines{"warning: a.png: annotation 6: is a crowd (iscrowd 1); training leaves it out"});
}

TEST_CASE("validate: the quick look finds what stops training and rasterises nothing") {
  CHECK(after([](auto&, Annotation& a) { a.bbox = {8, 2, 6, 6}; }, Depth::quick).empty());
  CHECK(after(
            [](auto&, Annotation& a) {
              a.segmentation = std::vector<Polygon>{{1, 1, 2, 2}};
            },
            Depth::quick)
            .size() == 1);
}

TEST_CASE("validate: outlines that cross themselves, and those that only touch") {
  CHECK(self_crossing({0, 0, 4, 4, 4, 0, 0, 4}));
  CHECK_FALSE(self_crossing({0, 0, 4, 0, 4, 4, 0, 4}));
  CHECK_FALSE(self_crossing({0, 0, 4, 0, 4, 4, 2, 0, 0, 4}));  // a corner on an edge
  CHECK_FALSE(self_crossing({0, 0, 4, 0, 4, 0, 4, 4}));        // a corner twice
  CHECK_FALSE(self_crossing({}));
  CHECK_FALSE(self_crossing({1, 2}));
  Polygon star;
  for (int i = 0; i < 5; ++i) star.insert(star.end(), {std::cos(i * 4 * M_PI / 5), std::sin(i * 4 * M_PI / 5)});
  CHECK(self_crossing(star));
}

TEST_CASE("validate: photos missing, unreadable, of another size, turned, twice") {
  const TempFolder temp;
  const Tensor photo = Tensor::zeros({10, 20, 3}, DType::u8);
  write_png(temp.path / "a.png", photo);
  write_png(temp.path / "b.png", photo);
  std::filesystem::copy(golden::folder() / "images/exif6.jpg", temp.path / "turned.jpg");
  std::ofstream(temp.path / "broken.jpg") << "nothing";
  const std::string whole = read_file(golden::folder() / "images/420.jpg");
  std::ofstream(temp.path / "cut.jpg", std::ios::binary) << whole.substr(0, whole.size() - 60);
  Annotations all;
  all.photos = {{1, "a.png", 20, 10},    {2, "b.png", 20, 10},      {3, "none.png", 1, 1}, {4, "b.png", 10, 20},
                {5, "broken.jpg", 1, 1}, {6, "turned.jpg", 17, 11}, {7, "cut.jpg", 43, 29}};
  const std::string missing = "stops: none.png: image 3: there is no " + (temp.path / "none.png").string();
  const std::string wrong = "stops: b.png: is 20 x 10 on disk, 10 x 20 in the annotations (width x height)";
  const std::string unreadable =
      "stops: broken.jpg: cannot be decoded as JPEG, PNG, BMP, GIF or PNM: unknown image type";
  const std::string turned =
      "warning: turned.jpg: has EXIF orientation 6, which training ignores, as COCO's annotations assume";
  CHECK(lines(check_photos(all, temp.path, Depth::quick)) == Lines{missing, wrong, unreadable, turned});
  CHECK(lines(check_photos(all, temp.path, Depth::full)) ==
        Lines{"warning: b.png: is the same file as a.png", missing, wrong, "warning: b.png: is the same file as a.png",
              unreadable, turned, "stops: cut.jpg: is truncated: the file ends before the picture does"});
}

TEST_CASE("validate: a file larger than any photo is not read to be looked at") {
  const TempFolder temp;
  write_png(temp.path / "a.png", Tensor::zeros({10, 20, 3}, DType::u8));
  std::filesystem::resize_file(temp.path / "a.png", (uintmax_t(1) << 30) + 1);
  Annotations all;
  all.photos = {{1, "a.png", 20, 10}};
  CHECK(lines(check_photos(all, temp.path, Depth::full)) ==
        Lines{"stops: a.png: has 1073741825 bytes; at most 1073741824 expected of a photo"});
}

TEST_CASE("validate: a photo without a file name is named by its id") {
  const TempFolder temp;
  Annotations all = one_square();
  all.photos[0].file_name = "";
  all.photos.push_back({8, "", 4, 4});
  all.annotations[0].bbox[3] = 0;
  all.index();
  CHECK(lines(check_photos(all, temp.path, Depth::full)) ==
        Lines{"stops: f.json: image 7: file_name is missing or empty; a photo's name expected",
              "stops: f.json: image 8: file_name is missing or empty; a photo's name expected"});
  CHECK(lines(check_annotations(all, Depth::full)) ==
        Lines{"warning: f.json: annotation 5: bbox [2, 2, 6, 0] has no area",
              "warning: f.json: image 8: has no objects"});
}

TEST_CASE("validate: photos and categories that training and validation share wrongly") {
  const TempFolder temp;
  write_png(temp.path / "a.png", Tensor::zeros({10, 20, 3}, DType::u8));
  write_png(temp.path / "copy.png", Tensor::zeros({10, 20, 3}, DType::u8));
  Annotations train = one_square(), val = one_square();
  val.source = "val.json";
  val.photos[0].file_name = "copy.png";
  val.categories = {{3, "date", ""}, {4, "nut", ""}};
  train.index(), val.index();
  CHECK(lines(check_split(train, temp.path, val, temp.path)) ==
        Lines{"warning: copy.png: is the same file as a.png of the training set",
              "stops: val.json: category 3 is date here, fig in f.json",
              "warning: val.json: category 4 (nut) is not in f.json"});
}

TEST_CASE("validate: of a category that train lacks, a label folder's first instance is named by its file") {
  const TempFolder temp;
  Annotations train = one_square(), val = one_square();
  val.categories[0].id = val.annotations[0].category_id = 4;
  val.annotations[0].instance = 2;
  train.index(), val.index();
  CHECK(lines(check_split(train, temp.path, val, temp.path)) ==
        Lines{"stops: f.json: category 4 (fig) is not in f.json, and 1 annotations are of it (the first is annotation "
              "5, instance [2] of labels/a.json)"});
}

TEST_CASE("validate: of train and val, what training refuses stops it, and nothing else") {
  const TempFolder temp;
  write_png(temp.path / "a.png", Tensor::zeros({10, 20, 3}, DType::u8));
  const Annotations train = [] {
    Annotations all = one_square();
    all.index();
    return all;
  }();
  const auto split = [&](auto spoil, const std::string& name_in_train = "fig") {
    Annotations known = train, val = train;
    known.categories[0].name = name_in_train;
    val.source = "val.json";
    spoil(val);
    val.index();
    Lines found = lines(check_split(known, temp.path, val, temp.path));
    found.erase(found.begin());  // the photo, which both have
    const auto trained = [&] {
      Dataset(val, temp.path, CategoryTable::by_rank(known), {{ToImage{}}, {10, 20}}, Purpose::validation);
    };
    const bool stops = std::ranges::any_of(found, [](const std::string& l) { return l.starts_with("stops: "); });
    CHECK((test::error_of(trained) != "no error") == stops);
    return found;
  };
  CHECK(split([](auto&) {}).empty());
  const auto rename = [](Annotations& val) { val.categories[0].name = "date"; };
  CHECK(split(rename) == Lines{"stops: val.json: category 3 is date here, fig in f.json"});
  CHECK(split(rename, "") == Lines{"warning: val.json: category 3 is date here, without a name in f.json"});
  CHECK(split([](Annotations& val) { val.categories[0].name = ""; }) ==
        Lines{"stops: val.json: category 3 is without a name here, fig in f.json"});
  const auto add = [](Annotations& val) { val.categories.push_back({4, "nut", ""}); };
  CHECK(split(add) == Lines{"warning: val.json: category 4 (nut) is not in f.json"});
  for (const bool crowd : {false, true})
    CHECK(split([&](Annotations& val) {
            add(val);
            for (const int64_t id : {41, 42}) {
              val.annotations.push_back(val.annotations[0]);
              val.annotations.back().id = id, val.annotations.back().category_id = 4;
              val.annotations.back().crowd = crowd;
            }
          }) == Lines{"stops: val.json: category 4 (nut) is not in f.json, and 2 annotations are of it (the first is "
                      "annotation 41)"});
}

TEST_CASE("validate: training is refused with the first reason and the count of the others") {
  Annotations all = one_square();
  all.annotations[0].segmentation = std::vector<Polygon>{{1, 1, 2, 2}};
  all.index();
  CHECK_THROWS_WITH_AS(refuse_broken(check_annotations(all, Depth::quick)),
                       "a.png: annotation 5: polygon 0 has 2 points; 3 or more expected", Error);
  all.annotations.push_back(all.annotations[0]);
  all.annotations[1].id = 6;
  all.index();
  CHECK_THROWS_WITH_AS(refuse_broken(check_annotations(all, Depth::quick)),
                       "a.png: annotation 5: polygon 0 has 2 points; 3 or more expected (and 1 more that stop "
                       "training; doctor lists them)",
                       Error);
  refuse_broken({});
}

TEST_CASE("validate: class balance counts objects, photos and crowds") {
  Annotations all = one_square();
  for (const bool crowd : {false, true}) {
    Annotation a = all.annotations[0];
    a.crowd = crowd;
    all.annotations.push_back(a);
  }
  all.index();
  const std::vector<ClassCount> balance = class_balance(all);
  REQUIRE(balance.size() == 1);
  CHECK(balance[0].objects == 2);
  CHECK(balance[0].photos == 1);
  CHECK(balance[0].crowds == 1);
}
