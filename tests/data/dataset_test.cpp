#include "data/dataset.h"

#include <doctest/doctest.h>

#include <cmath>

#include "data/image.h"
#include "tests/data/golden.h"
#include "tests/folder.h"

using namespace sil;
using sil::test::error_of;

namespace {

// Photos of 20 x 10 (width x height), named a.png, b.png, ..., and annotations to add to.
struct Set {
  test::Folder folder{"dataset"};
  Annotations all;

  explicit Set(int photos) {
    all.source = "train.json";
    all.categories = {{30, "fig", ""}, {7, "date", ""}};
    for (int i = 0; i < photos; ++i) {
      const std::string file = std::string(1, char('a' + i)) + ".png";
      write_png(folder.path / file, Tensor::full({10, 20, 3}, 10.0 * i, DType::u8));
      all.photos.push_back({i + 1, file, 20, 10});
    }
  }

  // A rectangle, box and polygon alike.
  Annotation& add(int64_t id, int64_t image_id, double x, double y, double w, double h) {
    Annotation a;
    a.id = id;
    a.image_id = image_id;
    a.category_id = 7;
    a.bbox = {x, y, w, h};
    a.has_bbox = true;
    a.segmentation = std::vector<Polygon>{{x, y, x + w, y, x + w, y + h, x, y + h}};
    all.annotations.push_back(a);
    return all.annotations.back();
  }

  Dataset dataset(Purpose purpose = Purpose::training, CategoryTable table = {}) const {
    if (table.rows.empty()) table = CategoryTable::by_rank(all);
    return Dataset(all, folder.path, table, {{ToImage{}, Normalize{{0, 0, 0}, {1, 1, 1}}}, {10, 20}}, purpose);
  }
  std::string refused(Purpose purpose = Purpose::training) const {
    return error_of([&] { dataset(purpose); });
  }
};

}  // namespace

TEST_CASE("categories: outputs go by rank of the id, or are the id") {
  Annotations all;
  all.categories = {{30, "fig", ""}, {7, "date", ""}, {90, "nut", ""}};
  const CategoryTable table = CategoryTable::by_rank(all);
  CHECK(table.rows == std::vector<CategoryTable::Row>{{1, 7, "date"}, {2, 30, "fig"}, {3, 90, "nut"}});
  CHECK(table.num_classes() == 4);
  CHECK(table.output(30) == 2);
  CHECK(table.output(31) == -1);
  CHECK(table.row(3).name == "nut");
  CHECK(error_of([&] { table.row(4); }) == "categories: no category has output 4 (1 to 3 expected)");
  CHECK(CategoryTable::identity(91).output(90) == 90);
  CHECK(CategoryTable::identity(91).num_classes() == 91);
}

TEST_CASE("dataset: an example has the photo, boxes, outputs and masks of its annotations") {
  Set set(1);
  set.add(1, 1, 2, 3, 4, 5);
  set.add(2, 1, 10, 0, 10, 10).category_id = 30;
  const Dataset d = set.dataset();
  REQUIRE(d.size() == 1);
  CHECK(d.warnings().empty());
  const Example e = d.load(0, RngKey{});
  CHECK(e.image_id == 1);
  CHECK(e.original == std::array{10, 20});
  CHECK(e.photo.shape() == Shape{10, 20, 3});
  CHECK(e.boxes == std::vector<float>{2, 3, 6, 8, 10, 0, 20, 10});
  CHECK(e.labels == std::vector<int32_t>{1, 2});
  CHECK(bounding_box(e.masks[0]) == std::array<double, 4>{2, 3, 4, 5});
  CHECK(area(e.masks[1]) == 100);
}

TEST_CASE("dataset: a box that is missing comes from the mask") {
  Set set(1);
  set.add(1, 1, 2, 3, 4, 5).has_bbox = false;
  CHECK(set.dataset().load(0, RngKey{}).boxes == std::vector<float>{2, 3, 6, 8});
}

TEST_CASE("dataset: training leaves out crowds and boxes without area, says how many and which first") {
  Set set(3);
  set.add(5, 1, 1, 1, 4, 4);
  set.add(918, 1, 2, 2, 5, 0);
  set.add(919, 1, 2, 2, 0, 5);
  Annotation& crowd = set.add(77, 2, 1, 1, 4, 4);
  crowd.crowd = true;
  crowd.segmentation = Rle{10, 20, {5, 195}};
  set.add(80, 2, 30, 2, 5, 5);
  const Dataset d = set.dataset();
  CHECK(d.warnings() == std::vector<std::string>{
                            "train.json: left out 1 of 5 annotations: crowds (the first is annotation 77)",
                            "train.json: left out 2 of 5 annotations: boxes without area (the first is annotation 918)",
                            "train.json: left out 1 of 5 annotations: boxes wholly outside their photo (the first is "
                            "annotation 80)",
                            "train.json: left out 2 of 3 photos: no usable object (the first is b.png)"});
  REQUIRE(d.size() == 1);
  CHECK(d.photo(0).file_name == "a.png");
  CHECK(d.load(0, RngKey{}).labels.size() == 1);
}

TEST_CASE("dataset: an annotation of a label folder is named by its place in its file, too") {
  Set set(2);
  set.all.source = "folder";
  set.add(1, 1, 1, 1, 4, 4).instance = 0;
  set.add(3, 2, 2, 2, 5, 0).instance = 1;
  CHECK(set.dataset().warnings().at(0) ==
        "folder: left out 1 of 2 annotations: boxes without area (the first is annotation 3, instance [1] of "
        "labels/b.json)");
  CHECK(error_of([&] {
          set.dataset(Purpose::training, {{{1, 30, "fig"}}});
        }) ==
        "folder: annotation 1, instance [0] of labels/a.json: category_id 7 is not one of the model's categories");
  set.all.annotations[1].segmentation = std::vector<Polygon>{{1, 1, 5, 5}};
  CHECK(set.refused() ==
        "folder: b.png: annotation 3: instance [1] of labels/b.json: polygon 0 has 2 points; 3 or more expected");
}

TEST_CASE("dataset: validation says that the losses, not the evaluation, lack what training leaves out") {
  Set set(1);
  set.add(5, 1, 1, 1, 4, 4);
  set.add(918, 1, 2, 2, 5, 0);
  set.add(77, 1, 1, 1, 4, 4).crowd = true;
  set.add(80, 1, 30, 2, 5, 5);
  set.add(81, 1, -3, -2, 10, 8);
  const Dataset d = set.dataset(Purpose::validation);
  CHECK(d.annotations().annotations.size() == 5);  // the evaluation's
  CHECK(d.load(0, RngKey{}).labels.size() == 2);   // the losses'
  CHECK(d.warnings() ==
        std::vector<std::string>{
            "train.json: left out of the losses, not of the evaluation, 1 of 5 annotations: crowds (the first is "
            "annotation 77)",
            "train.json: left out of the losses, not of the evaluation, 1 of 5 annotations: boxes without area (the "
            "first is annotation 918)",
            "train.json: left out of the losses, not of the evaluation, 1 of 5 annotations: boxes wholly outside their "
            "photo (the first is annotation 80)",
            "train.json: clipped for the losses, not for the evaluation, 1 of 5 annotations: boxes that reach outside "
            "their photo (the first is annotation 81)"});
}

TEST_CASE("dataset: boxes are clipped to the photo, and disagreement with the mask is a warning") {
  Set set(1);
  set.add(1, 1, -3, -2, 10, 8);
  set.add(2, 1, 5, 5, 15.2, 5.3);  // within half a pixel of the border: rounding
  set.add(3, 1, 1, 1, 4, 4).bbox = {1, 1, 12, 4};
  const Dataset d = set.dataset();
  CHECK(d.warnings() ==
        std::vector<std::string>{
            "train.json: clipped 1 of 3 annotations: boxes that reach outside their photo (the first is "
            "annotation 1)",
            "train.json: used 1 of 3 annotations: boxes that disagree with their masks (the first is "
            "annotation 3)"});
  CHECK(d.load(0, RngKey{}).boxes == std::vector<float>{0, 0, 7, 6, 5, 5, 20, 10, 1, 1, 13, 5});
}

TEST_CASE("dataset: an object without outline is its box, with a warning") {
  Set set(1);
  set.add(4, 1, 2, 3, 4, 5).segmentation = std::monostate{};
  const Dataset d = set.dataset();
  CHECK(d.warnings() ==
        std::vector<std::string>{"train.json: used 1 of 1 annotations: no mask, so the box stands for it (the first is "
                                 "annotation 4)"});
  CHECK(area(d.load(0, RngKey{}).masks[0]) == 20);
}

TEST_CASE("dataset: validation measures against what training would learn: a box for an outline, an outline's box") {
  Set set(1);
  set.add(4, 1, 2, 3, 4, 5).segmentation = std::monostate{};
  set.add(5, 1, 2, 3, 4, 5).segmentation = std::vector<Polygon>{};
  set.add(6, 1, 2, 3, 4, 5).has_bbox = false;
  Annotation& crowd = set.add(7, 1, 2, 3, 4, 5);
  crowd.segmentation = std::monostate{}, crowd.crowd = true;
  const Dataset d = set.dataset(Purpose::validation);
  for (const Annotation& a : d.annotations().annotations) {
    CAPTURE(a.id);
    CHECK(a.has_bbox);
    CHECK(a.bbox == std::array<double, 4>{2, 3, 4, 5});
    CHECK(area(to_rle(a, d.annotations().photos[0])) == 20);
    CHECK_FALSE(std::holds_alternative<std::monostate>(a.segmentation));
  }
  const Dataset evaluated = set.dataset(Purpose::prediction);  // evaluate does as pycocotools does
  CHECK(std::holds_alternative<std::monostate>(evaluated.annotations().annotations[0].segmentation));
}

TEST_CASE("dataset: validation keeps every photo and its targets, prediction has no targets") {
  Set set(3);
  set.add(1, 2, 1, 1, 4, 4);
  const Dataset validation = set.dataset(Purpose::validation);
  REQUIRE(validation.size() == 3);
  CHECK(validation.load(0, RngKey{}).labels.empty());
  CHECK(validation.load(1, RngKey{}).labels.size() == 1);
  CHECK(validation.warnings().empty());
  const Dataset prediction = set.dataset(Purpose::prediction);
  REQUIRE(prediction.size() == 3);
  CHECK(prediction.load(1, RngKey{}).labels.empty());
}

TEST_CASE("dataset: only training draws") {
  Set set(1);
  set.add(1, 1, 1, 1, 4, 4);
  const auto left = [&](Purpose purpose) {
    const Dataset d(set.all, set.folder.path, CategoryTable::by_rank(set.all), {{RandomHorizontalFlip{1}}, {10, 20}},
                    purpose);
    return d.load(0, RngKey{9}).boxes[0];
  };
  CHECK(left(Purpose::training) == 15);
  CHECK(left(Purpose::validation) == 1);
}

TEST_CASE("dataset: what is broken is refused, by annotations, photo and annotation id") {
  const auto refused = [](const std::function<void(Set&)>& spoil) {
    Set set(1);
    set.add(41, 1, 1, 1, 4, 4);
    spoil(set);
    return set.refused();
  };
  CHECK(refused([](Set& s) {
          s.all.annotations[0].image_id = 9;
        }).starts_with("train.json: annotation 41: image_id 9 is not among the images"));
  CHECK(refused([](Set& s) {
          s.all.annotations[0].category_id = 8;
        }).starts_with("train.json: a.png: annotation 41: category_id 8 is not among the categories"));
  CHECK(refused([](Set& s) {
          s.all.annotations[0].segmentation = std::vector<Polygon>{{1, 1, 5, 5}};
        }) == "train.json: a.png: annotation 41: polygon 0 has 2 points; 3 or more expected");
  CHECK(refused([](Set& s) {
          s.all.annotations[0].segmentation = std::vector<Polygon>{{1, 1, 5, 5, NAN, 1}};
        }) == "train.json: a.png: annotation 41: polygon 0 has a coordinate that is not a number, or past 1e12");
  CHECK(refused([](Set& s) {
          s.all.annotations[0].segmentation = Rle{9, 20, {180}};
        }) == "train.json: a.png: annotation 41: mask is 20 x 9, its photo 20 x 10 (width x height)");
  CHECK(refused([](Set& s) {
          s.all.annotations[0].bbox[2] = NAN;
        }).starts_with("train.json: a.png: annotation 41: bbox "));
}

TEST_CASE("dataset: a photo that is missing, unreadable or of another size is refused by its name") {
  const auto refused = [](const std::function<void(Set&)>& spoil) {
    Set set(2);
    set.add(41, 1, 1, 1, 4, 4);
    spoil(set);
    return set.refused();
  };
  CHECK(refused([](Set& s) {
          std::filesystem::remove(s.folder.path / "b.png");
        }).starts_with("train.json: b.png: image 2: there is no "));
  CHECK(refused([](Set& s) {
          test::write_text(s.folder.path / "a.png", "no picture");
        }).starts_with("train.json: a.png: "));
  CHECK(refused([](Set& s) { s.all.photos[1].width = 21; }) ==
        "train.json: b.png: is 20 x 10 on disk, 21 x 10 in the annotations (width x height)");
  Set set(1);
  set.add(1, 1, 1, 1, 4, 4);
  const Dataset d = set.dataset(Purpose::prediction);
  write_png(set.folder.path / "a.png", Tensor::zeros({11, 20, 3}, DType::u8));
  CHECK(error_of([&] { d.load(0, RngKey{}); }) ==
        (set.folder.path / "a.png").string() +
            ": 20 x 11 pixels (width x height), but train.json says 20 x 10 for image 1");
}

TEST_CASE("dataset: with Exif::apply a photo is turned as its camera noted, and its annotations are of that size") {
  Annotations all;
  all.source = "train.json";
  all.categories = {{7, "date", ""}};
  const std::filesystem::path file = golden::folder() / "images/exif6.jpg";
  const Tensor seen = read_image(file, Exif::apply);
  all.photos = {{1, "exif6.jpg", int(seen.dim(1)), int(seen.dim(0))}};
  REQUIRE(seen.dim(0) != seen.dim(1));
  Annotation a;
  a.id = 1, a.image_id = 1, a.category_id = 7, a.bbox = {0, 0, 4, 4}, a.has_bbox = true;
  all.annotations = {a};
  const auto dataset = [&](Exif exif) {
    return Dataset(all, file.parent_path(), CategoryTable::by_rank(all), {{ToImage{}}, {10, 20}}, Purpose::training,
                   exif);
  };
  CHECK(dataset(Exif::apply).load(0, RngKey{}).original == std::array{int(seen.dim(0)), int(seen.dim(1))});
  CHECK(error_of([&] { dataset(Exif::ignore); }).starts_with("train.json: exif6.jpg: is "));
}

TEST_CASE("dataset: an object that the model has no output for is refused") {
  Set set(1);
  set.add(41, 1, 1, 1, 4, 4);
  CHECK(error_of([&] {
          set.dataset(Purpose::training, {{{1, 30, "fig"}}});
        }) == "train.json: annotation 41: category_id 7 is not one of the model's categories");
}

TEST_CASE("dataset: a category that means something else to the model is refused") {
  Set set(1);
  set.add(4, 1, 2, 3, 4, 5);
  CategoryTable table = CategoryTable::by_rank(set.all);
  table.rows[1].name = "prune";
  CHECK(error_of([&] { set.dataset(Purpose::validation, table); }) ==
        "train.json: category 30 is \"fig\", but \"prune\" among the model's categories");
  table.rows[1].name = "";  // torchvision's weights carry no names
  CHECK(set.dataset(Purpose::validation, table).size() == 1);
  table.rows.pop_back();  // of a category without objects nothing is asked
  CHECK(set.dataset(Purpose::validation, table).size() == 1);
}

TEST_CASE("dataset: a training set without a usable object is refused before any work") {
  Set set(1);
  set.add(4, 1, 2, 3, 0, 5);
  CHECK(set.refused() ==
        "train.json: nothing to learn from: of its annotations 1 are boxes without area, 0 boxes outside their photo, "
        "0 crowds");
  CHECK(set.dataset(Purpose::validation).size() == 1);
}
