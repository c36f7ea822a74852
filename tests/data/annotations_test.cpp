#include "data/annotations.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>

#include "data/image.h"
#include "data/label_schema.h"
#include "golden.h"
#include "tensor/check.h"

using namespace sil;
namespace fs = std::filesystem;

namespace {

void write_file(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

const std::string kImages = R"("images": [{"id": 7, "file_name": "a.jpg", "width": 20, "height": 10}])";
const std::string kCategories = R"("categories": [{"id": 3, "name": "fig", "supercategory": null}])";

std::string coco_text(const std::string& annotations) {
  return "{" + kImages + ", " + kCategories + ", \"annotations\": [" + annotations + "]}";
}

// The error's text without the folder's name.
std::string without(const fs::path& folder, std::string text) {
  for (const std::string prefix = folder.string() + "/"; text.find(prefix) != std::string::npos;)
    text.erase(text.find(prefix), prefix.size());
  return text;
}

template <class F>
std::string error_of(const fs::path& folder, F f) {
  try {
    f();
  } catch (const Error& e) {
    return without(folder, e.what());
  }
  return "no error";
}

std::string coco_error(const std::string& text) {
  const TempFolder temp;
  write_file(temp.path / "f.json", text);
  return error_of(temp.path, [&] { read_annotations(temp.path / "f.json"); });
}

std::string results_error(const std::string& text) {
  const TempFolder temp;
  write_file(temp.path / "f.json", text);
  return error_of(temp.path, [&] { read_results(temp.path / "f.json"); });
}

// A label folder with one photo of 6 x 4 and one instance, `{"type": "instance", ` before it.
struct LabelFolder : TempFolder {
  LabelFolder() {
    fs::create_directories(path / "images");
    fs::create_directories(path / "labels");
    fs::create_directories(path / "masks");
    write_png(path / "images/b.png", Tensor::zeros({4, 6, 3}, DType::u8));
  }
  void label(const std::string& rest) { write_file(path / "labels/b.json", R"([{"type": "instance", )" + rest + "}]"); }
  std::string error() {
    return error_of(path, [&] { read_annotations(path); });
  }
};

Tensor bits_of(std::vector<uint8_t> rows) { return Tensor::of<uint8_t>({4, 6}, rows); }

const std::vector<uint8_t> kBits{0, 0, 0,   0,   0, 0,  //
                                 0, 0, 255, 255, 0, 0,  //
                                 0, 0, 255, 0,   0, 0,  //
                                 0, 0, 0,   0,   0, 0};

}  // namespace

TEST_CASE("coco: every key arrives") {
  const TempFolder temp;
  write_file(
      temp.path / "f.json",
      coco_text(R"({"id": 5, "image_id": 7, "category_id": 3, "bbox": [1, 2, 3.5, 4], "area": 12.25, "iscrowd": 0,
                           "extra": {"x": [1]}, "segmentation": [[1, 1, 5, 1, 5, 5], [0, 0, 2, 0, 2, 2]]},
                          {"id": 6, "image_id": 7, "category_id": 3, "iscrowd": 1,
                           "segmentation": {"size": [10, 20], "counts": [10, 5, 185]}},
                          {"id": 8, "image_id": 99, "category_id": 98, "bbox": null,
                           "segmentation": {"counts": ":5i5", "size": [10, 20]}},
                          {"id": 9, "image_id": 7, "category_id": 3, "segmentation": []})"));
  const Annotations all = read_annotations(temp.path / "f.json");
  REQUIRE(all.photos.size() == 1);
  CHECK(all.photos[0].file_name == "a.jpg");
  CHECK(all.photos[0].width == 20);
  CHECK(all.photos[0].height == 10);
  CHECK(all.categories.at(0).name == "fig");
  REQUIRE(all.annotations.size() == 4);
  const Annotation &a = all.annotations[0], &crowd = all.annotations[1], &stray = all.annotations[2];
  CHECK(a.bbox == std::array<double, 4>{1, 2, 3.5, 4});
  CHECK(a.area == 12.25);
  CHECK(a.has_area);
  CHECK(std::get<std::vector<Polygon>>(a.segmentation).size() == 2);
  CHECK(crowd.crowd);
  CHECK_FALSE(crowd.has_bbox);
  CHECK(std::get<Rle>(crowd.segmentation) == Rle{10, 20, {10, 5, 185}});
  CHECK(std::get<Rle>(stray.segmentation) == Rle{10, 20, {10, 5, 185}});
  CHECK_FALSE(stray.crowd);
  CHECK(std::get<std::vector<Polygon>>(all.annotations[3].segmentation).empty());
  CHECK(all.by_photo.at(0) == std::vector<size_t>{0, 1, 3});  // 2 is of an unknown image: read, and in no photo
}

TEST_CASE("coco: of two images with one id the last counts, as in pycocotools") {
  Annotations all;
  all.photos = {{4, "a.jpg", 2, 2}, {4, "b.jpg", 3, 3}};
  all.annotations.resize(1);
  all.annotations[0].image_id = 4;
  all.index();
  CHECK(all.photo_row.at(4) == 1);
  CHECK(all.by_photo[0].empty());
  CHECK(all.by_photo[1].size() == 1);
}

TEST_CASE("coco: what is written reads back to the bit") {
  const TempFolder temp;
  write_file(
      temp.path / "f.json",
      coco_text(R"({"id": 5, "image_id": 7, "category_id": 3, "bbox": [0.1, 2, 3.3333333333333335, 4], "area": 1e-7,
                           "segmentation": [[0.30000000000000004, 1, 5, 1, 5, 5]]},
                          {"id": 6, "image_id": 7, "category_id": 3, "iscrowd": 1,
                           "segmentation": {"size": [10, 20], "counts": [10, 5, 185]}})"));
  const Annotations all = read_annotations(temp.path / "f.json");
  for (const RleKind kind : {RleKind::compressed, RleKind::uncompressed}) {
    write_coco(temp.path / "g.json", all, kind);
    const Annotations again = read_annotations(temp.path / "g.json");
    REQUIRE(again.annotations.size() == 2);
    for (size_t i = 0; i < 2; ++i) {
      CHECK(again.annotations[i].segmentation == all.annotations[i].segmentation);
      CHECK(again.annotations[i].bbox == all.annotations[i].bbox);
      CHECK(again.annotations[i].area == all.annotations[i].area);
      CHECK(again.annotations[i].has_area == all.annotations[i].has_area);
      CHECK(again.annotations[i].crowd == all.annotations[i].crowd);
    }
    CHECK(again.photos[0].file_name == "a.jpg");
    CHECK(again.categories[0].id == 3);
    const bool quoted = read_file(temp.path / "g.json").find("\"counts\": \":5i5\"") != std::string::npos;
    CHECK(quoted == (kind == RleKind::compressed));
  }
}

TEST_CASE("coco: a number that JSON cannot hold is not written, and nothing is left behind") {
  const TempFolder temp;
  Annotations all;
  all.annotations.resize(1);
  all.annotations[0].id = 12;
  all.annotations[0].has_bbox = true;
  all.annotations[0].bbox = {0, 0, NAN, 1};
  CHECK(error_of(temp.path, [&] { write_coco(temp.path / "f.json", all); }) ==
        "f.json: annotation 12: JSON: nan cannot be written as a number");
  CHECK(fs::is_empty(temp.path));
}

TEST_CASE("coco: files that are none are one clear line") {
  const TempFolder temp;
  CHECK(error_of(temp.path, [&] { read_annotations(temp.path / "none.json"); }) ==
        "none.json: cannot be opened: No such file or directory");
  CHECK(coco_error("") == "f.json: is empty");
  CHECK(coco_error("hello") == "f.json: not JSON: 'h' at line 1, column 1; a value expected");
  CHECK(coco_error("{" + kImages) ==
        "f.json: not JSON: the file ends at line 1, column 72, where ',' or '}' is expected");
  CHECK(coco_error("[]") ==
        "f.json: the file is an array; an object expected (a COCO file is an object with images, annotations and "
        "categories)");
  CHECK(coco_error("{}") ==
        "f.json: key images is missing (a COCO file is an object with images, annotations and categories)");
  CHECK(coco_error(R"({"images": 3})") ==
        "f.json: images is a number; an array expected (a COCO file is an object with images, annotations and "
        "categories)");
}

TEST_CASE("coco: a wrong record is named by id, or by index if it has none") {
  const std::string good = R"("id": 5, "image_id": 7, "category_id": 3)";
  CHECK(coco_error(R"({"images": [{"id": 7, "width": 20}]})") == "f.json: image 7: key height is missing");
  CHECK(coco_error(R"({"images": [{"id": 7, "width": 0, "height": 3}]})") ==
        "f.json: image 7: width is 0; 1 to 16777216 expected");
  CHECK(coco_error(R"({"images": [], "categories": [{"name": "x"}]})") == "f.json: category [0]: key id is missing");
  CHECK(coco_error(coco_text("{" + good + "}, 4")) ==
        "f.json: annotation [1]: the record is a number; an object expected");
  CHECK(coco_error(coco_text(R"({"id": 5, "category_id": 3})")) == "f.json: annotation 5: key image_id is missing");
  CHECK(coco_error(coco_text(R"({"image_id": "7", "id": 5})")) ==
        "f.json: annotation 5: image_id is a string; an integer expected");
  CHECK(coco_error(coco_text("{" + good + R"(, "bbox": [1, 2, 3]})")) ==
        "f.json: annotation 5: bbox has 3 numbers; x, y, width, height expected");
  CHECK(coco_error(coco_text("{" + good + R"(, "bbox": [1, 2, 3, "4"]})")) ==
        "f.json: annotation 5: bbox[] is a string; a number expected");
  CHECK(coco_error(coco_text("{" + good + R"(, "iscrowd": 2})")) ==
        "f.json: annotation 5: iscrowd is 2; 0 or 1 expected");
  CHECK(coco_error(coco_text("{" + good + R"(, "segmentation": [1, 2, 3, 4, 5, 6]})")) ==
        "f.json: annotation 5: segmentation[0] is a number; an array expected");
  CHECK(coco_error(coco_text("{" + good + R"(, "segmentation": "x"})")) ==
        "f.json: annotation 5: segmentation is neither polygons (an array of arrays) nor an RLE (an object)");
  CHECK(coco_error(coco_text("{" + good + R"(, "segmentation": {"size": [10, 20], "counts": [10, 5, 186]}})")) ==
        "f.json: annotation 5: segmentation: mask: runs run over 10 x 20 = 200 pixels by 1 or more");
  CHECK(coco_error(coco_text("{" + good + R"(, "segmentation": {"size": [10, 20], "counts": [10, 5]}})")) ==
        "f.json: annotation 5: segmentation: mask: runs fall short of 10 x 20 = 200 pixels by 185");
  CHECK(coco_error(coco_text("{" + good + R"(, "segmentation": {"counts": [10, 5]}})")) ==
        "f.json: annotation 5: key segmentation.size is missing");
  CHECK(coco_error(coco_text("{" + good + R"(, "segmentation": {"size": [1, 2, 3], "counts": [6]}})")) ==
        "f.json: annotation 5: segmentation.size has 3 numbers; height, width expected");
}

TEST_CASE("coco: of a key given twice the last counts, as in Python") {
  const TempFolder temp;
  write_file(temp.path / "f.json", "{" + kCategories + ", " + kCategories +
                                       R"(, "images": [{"id": 1, "width": 2, "height": 2}],
                                    "annotations": [{"id": 1, "image_id": 7, "category_id": 3}], "annotations": [], )" +
                                       kImages + "}");
  const Annotations all = read_annotations(temp.path / "f.json");
  CHECK(all.categories.size() == 1);
  CHECK(all.annotations.empty());
  REQUIRE(all.photos.size() == 1);
  CHECK(all.photos[0].id == 7);
}

TEST_CASE("coco: a name with a NUL, at which a path would end, is refused") {
  CHECK(coco_error(R"({"images": [{"id": 7, "file_name": "a\u0000.jpg", "width": 2, "height": 3}]})") ==
        "f.json: image 7: file_name holds a NUL");
  CHECK(coco_error(R"({"images": [], "categories": [{"id": 3, "name": "\u0000"}]})") ==
        "f.json: category 3: name holds a NUL");
}

TEST_CASE("coco: with a list of faults, wrong records are listed and the others read") {
  const TempFolder temp;
  write_file(temp.path / "f.json", coco_text(R"({"id": 5, "image_id": 7, "category_id": 3, "bbox": [[1]]},
                                                {"id": 6, "image_id": 7, "category_id": 3},
                                                {"image_id": 7, "category_id": 3})"));
  std::vector<Fault> faults;
  const Annotations all = read_annotations(temp.path / "f.json", &faults);
  REQUIRE(all.annotations.size() == 1);
  CHECK(all.annotations[0].id == 6);
  REQUIRE(faults.size() == 2);
  CHECK(faults[0].annotation == 5);
  CHECK(without(temp.path, faults[0].text) == "f.json: annotation 5: bbox[] is an array; a number expected");
  CHECK_FALSE(faults[1].annotation.has_value());
  CHECK(without(temp.path, faults[1].text) == "f.json: annotation [2]: key id is missing");
}

TEST_CASE("to_rle: polygons are rasterised, runs kept, a box stands for what is missing") {
  const Photo photo{1, "a.jpg", 6, 4};
  Annotation a;
  a.id = 918;
  a.bbox = {1, 1, 2, 2};
  a.has_bbox = true;
  const Rle square = rectangle({1, 1, 2, 2}, 4, 6);
  CHECK(to_rle(a, photo) == square);
  a.segmentation = std::vector<Polygon>{};
  CHECK(to_rle(a, photo) == square);
  a.segmentation = std::vector<Polygon>{{1, 1, 3, 1, 3, 3, 1, 3}};
  CHECK(to_rle(a, photo) == square);
  a.segmentation = square;
  CHECK(to_rle(a, photo) == square);
}

TEST_CASE("to_rle: what cannot be pixels is an error that names photo and annotation") {
  const auto error = [](const Segmentation& s) {
    Annotation a;
    a.id = 918;
    a.segmentation = s;
    return error_of("", [&] { to_rle(a, {1, "a.jpg", 6, 4}); });
  };
  CHECK(error({}) == "a.jpg: annotation 918: has neither segmentation nor bbox");
  CHECK(error(std::vector<Polygon>{{1, 1, 2, 2}}) ==
        "a.jpg: annotation 918: polygon 0 has 2 points; 3 or more expected");
  CHECK(error(std::vector<Polygon>{{1, 1, 2, 2, 3}}) ==
        "a.jpg: annotation 918: polygon 0 has 5 coordinates; pairs of x, y expected");
  CHECK(error(std::vector<Polygon>{{1, 1, 2, 2, 3, NAN}}) ==
        "a.jpg: annotation 918: polygon: corner 2 is (3, nan); finite numbers up to 1000000000000 expected");
  CHECK(error(Rle{5, 6, {30}}) == "a.jpg: annotation 918: mask is 5 x 6, its photo 4 x 6 (height x width)");
  CHECK(error(Rle{4, 6, {20}}) == "a.jpg: annotation 918: mask: runs fall short of 4 x 6 = 24 pixels by 4");
}

TEST_CASE("results: every key arrives, and is written to the bit") {
  const TempFolder temp;
  std::vector<Detection> detections(2);
  detections[0] = {7, 3, 0.1 + 0.2, {0.1, 1.0 / 3, 2, 3}, true, Rle{10, 20, {10, 5, 185}}};
  detections[1] = {8, 4, 1e-9, {}, false, std::vector<Polygon>{{0, 0, 1, 0, 1, 1}}};
  Annotations photos;
  photos.photos = {{7, "dir/a \"b\".jpg", 20, 10}};
  photos.index();
  write_results(temp.path / "r.json", detections, &photos);
  CHECK(read_file(temp.path / "r.json").find(R"("file_name": "dir/a \"b\".jpg")") != std::string::npos);
  const std::vector<Detection> again = read_results(temp.path / "r.json");
  REQUIRE(again.size() == 2);
  for (size_t i = 0; i < 2; ++i) {
    CHECK(again[i].image_id == detections[i].image_id);
    CHECK(again[i].category_id == detections[i].category_id);
    CHECK(again[i].score == detections[i].score);
    CHECK(again[i].bbox == detections[i].bbox);
    CHECK(again[i].has_bbox == detections[i].has_bbox);
    CHECK(again[i].segmentation == detections[i].segmentation);
  }
  write_results(temp.path / "none.json", {}, nullptr);
  CHECK(read_results(temp.path / "none.json").empty());
}

TEST_CASE("results: masks take no more room than their runs") {
  const TempFolder temp;
  Rle mask{300, 300, {}};
  for (int i = 0; i < 300; ++i) mask.counts.insert(mask.counts.end(), {200, 100});
  write_results(temp.path / "r.json", {{1, 1, .5, {}, false, mask}, {1, 1, .4, {}, false, mask}}, nullptr);
  for (const Detection& d : read_results(temp.path / "r.json")) {
    const std::vector<uint32_t>& counts = std::get<Rle>(d.segmentation).counts;
    CHECK(counts == mask.counts);
    CHECK(counts.capacity() == counts.size());
  }
}

TEST_CASE("results: an empty bbox is none, as in pycocotools") {
  const TempFolder temp;
  write_file(temp.path / "r.json", R"([{"image_id": 1, "category_id": 2, "score": 0.5, "bbox": []}])");
  CHECK_FALSE(read_results(temp.path / "r.json").at(0).has_bbox);
}

TEST_CASE("results: wrong records are named by index") {
  CHECK(results_error("{}") == "f.json: the file is an object; an array expected (results are an array of detections)");
  CHECK(results_error(R"([{"image_id": 1, "category_id": 2, "score": 0.5}, {"image_id": 1, "category_id": 2}])") ==
        "f.json: detection [1]: key score is missing");
  CHECK(results_error(R"([{"image_id": 1, "category_id": 2, "score": "high"}])") ==
        "f.json: detection [0]: score is a string; a number expected");
  CHECK(results_error("[") == "f.json: not JSON: the file ends at line 1, column 2, where a value is expected");
}

TEST_CASE("labels: ids count from 1 by sorted file name, area is the mask's pixels, boxes are derived") {
  LabelFolder folder;
  write_png(folder.path / "images/a.png", Tensor::zeros({4, 6, 3}, DType::u8));
  write_png(folder.path / "images/c.png", Tensor::zeros({4, 6, 3}, DType::u8));  // without labels: no objects
  write_png(folder.path / "masks/m.png", bits_of(kBits));
  write_file(folder.path / "labels/a.json",
             R"([{"type": "instance", "class_id": 3, "class_name": "fig", "polygon": [[1, 1], [3, 1], [3, 3], [1, 3]]},
                 {"type": "instance", "class_id": 1, "class_name": "date", "bbox": [2, 1, 2.5, 2], "polygon": [1, 1, 3, 1, 3, 3]}])");
  folder.label(R"("class_id": 3, "class_name": "fig", "mask_path": "masks/m.png")");
  const Annotations all = read_annotations(folder.path);
  REQUIRE(all.photos.size() == 3);
  CHECK(all.photos[0].file_name == "a.png");
  CHECK(all.photos[2].id == 3);
  CHECK(all.photos[2].width == 6);
  CHECK(all.photos[2].height == 4);
  CHECK(all.by_photo[2].empty());
  REQUIRE(all.categories.size() == 2);
  CHECK(all.categories[0].id == 1);
  CHECK(all.categories[1].name == "fig");
  REQUIRE(all.annotations.size() == 3);
  CHECK(all.annotations[0].id == 1);
  CHECK(record_of(all.annotations[1], all.photos[0]) == "annotation 2, instance [1] of labels/a.json");
  CHECK(record_of(all.annotations[2], all.photos[1]) == "annotation 3, instance [0] of labels/b.json");
  CHECK(all.annotations[0].bbox == std::array<double, 4>{1, 1, 2, 2});
  CHECK(all.annotations[0].area == 4);
  CHECK(all.annotations[1].bbox == std::array<double, 4>{2, 1, 2.5, 2});
  const Annotation& mask = all.annotations[2];
  CHECK(mask.id == 3);
  CHECK(mask.image_id == 2);
  CHECK(mask.bbox == std::array<double, 4>{2, 1, 2, 2});
  CHECK(mask.area == 3);
  CHECK_FALSE(mask.crowd);
  CHECK(to_rle(mask, all.photos[1]) == encode(bits_of(kBits)));
}

TEST_CASE("labels: each mistake is one line that names file, instance and key") {
  const std::string fig = R"("class_id": 3, "class_name": "fig")", square = R"(, "polygon": [1, 1, 3, 1, 3, 3])";
  LabelFolder folder;
  folder.label(fig + square);
  CHECK(folder.error() == "no error");
  folder.label(fig);
  CHECK(folder.error() == "labels/b.json: instance [0]: has neither mask_path nor polygon; one of them expected");
  folder.label(fig + square + R"(, "mask_path": "m.png")");
  CHECK(folder.error() == "labels/b.json: instance [0]: has both mask_path and polygon; one of them expected");
  folder.label(R"("class_id": 3)" + square);
  CHECK(folder.error() == "labels/b.json: instance [0]: key class_name is missing");
  folder.label(fig + R"(, "bbox": [1])" + square);
  CHECK(folder.error() == "labels/b.json: instance [0]: bbox has 1 numbers; x, y, width, height expected");
  folder.label(fig + R"(, "polygon": [[1, 1, 1]])");
  CHECK(folder.error() == "labels/b.json: instance [0]: polygon has a point of 3 numbers; x, y expected");
  folder.label(fig + R"(, "mask_path": "masks/none.png")");
  CHECK(folder.error() ==
        "labels/b.json: instance [0]: mask_path: masks/none.png: cannot be opened: No such file or directory");
  for (const std::string outside : {"../m.png", "masks/../../m.png", "/m.png", ""}) {
    folder.label(fig + R"(, "mask_path": ")" + outside + '"');
    CHECK(folder.error() == "labels/b.json: instance [0]: mask_path is \"" + outside +
                                "\"; a path inside the data set's folder expected");
  }
  folder.label(fig + R"(, "mask_path": "m\u0000.png")");
  CHECK(folder.error() == "labels/b.json: instance [0]: mask_path holds a NUL");
  folder.label(fig + R"(, "polygon": [[1, 2], 3, 4, [5, 6]])");
  CHECK(folder.error() ==
        "labels/b.json: instance [0]: polygon mixes numbers and points; [x, y, x, y, ...] or [[x, y], ...] expected");
  write_png(folder.path / "masks/m.png", Tensor::zeros({5, 6}, DType::u8));
  folder.label(fig + R"(, "mask_path": "masks/m.png")");
  CHECK(
      folder.error() ==
      "labels/b.json: instance [0]: mask_path: masks/m.png: mask is 6 x 5, its photo b.png is 6 x 4 (width x height)");
  std::vector<uint8_t> grey = kBits;
  grey[0] = 7;
  write_png(folder.path / "masks/m.png", bits_of(grey));
  CHECK(folder.error() ==
        "labels/b.json: instance [0]: mask_path: masks/m.png: mask holds 7 and 255; 0 and one other value expected");
  write_file(folder.path / "labels/b.json", R"([{"type": "box"}])");
  CHECK(folder.error() == R"(labels/b.json: instance [0]: type is "box"; "instance" expected)");
  write_file(folder.path / "labels/b.json", R"({"type": "instance"})");
  CHECK(folder.error() == "labels/b.json: the file is an object; an array expected (of instances)");
  write_file(folder.path / "labels/b.json", "[");
  CHECK(folder.error() == "labels/b.json: not JSON: the file ends at line 1, column 2, where a value is expected");
}

TEST_CASE("labels: with a list of faults, a label file that is none is listed and the others read") {
  LabelFolder folder;
  const std::string fig = R"({"type": "instance", "class_id": 3, "class_name": "fig", "polygon": [1, 1, 3, 1, 3, 3]})";
  for (const auto& [stem, text] : std::vector<std::pair<std::string, std::string>>{
           {"a", ""}, {"b", "[" + fig + "]"}, {"c", fig}, {"d", "[" + fig + ","}, {"e", "[" + fig + "]"}}) {
    write_png(folder.path / "images" / (stem + ".png"), Tensor::zeros({4, 6, 3}, DType::u8));
    write_file(folder.path / "labels" / (stem + ".json"), text);
  }
  std::vector<Fault> faults;
  const Annotations all = read_annotations(folder.path, &faults);
  CHECK(all.photos.size() == 5);
  CHECK(all.by_photo[1].size() == 1);
  CHECK(all.by_photo[4].size() == 1);
  REQUIRE(faults.size() == 3);
  CHECK(without(folder.path, faults[0].text) == "labels/a.json: is empty");
  CHECK(without(folder.path, faults[0].file) == "labels/a.json");
  CHECK(without(folder.path, faults[1].text) ==
        "labels/c.json: the file is an object; an array expected (of instances)");
  CHECK(without(folder.path, faults[2].text).starts_with("labels/d.json: not JSON: the file ends at line 1"));
  CHECK(folder.error() == "labels/a.json: is empty");
  fs::remove(folder.path / "labels/a.json");
  CHECK(folder.error() == "labels/c.json: the file is an object; an array expected (of instances)");
}

TEST_CASE("labels: a class_id has one class_name") {
  LabelFolder folder;
  write_file(folder.path / "labels/b.json",
             R"([{"type": "instance", "class_id": 3, "class_name": "fig", "polygon": [1, 1, 3, 1, 3, 3]},
                 {"type": "instance", "class_id": 3, "class_name": "date", "polygon": [1, 1, 3, 1, 3, 3]}])");
  CHECK(
      folder.error() ==
      R"(labels/b.json: instance [1]: class_name of class_id 3 is "date", but "fig" in labels/b.json; one name per id expected)");
}

TEST_CASE("labels: photos and label files that do not belong together are errors") {
  LabelFolder folder;
  write_file(folder.path / "labels/other.json", "[]");
  CHECK(folder.error() == "labels/other.json: no photo images/other.* belongs to it");
  fs::remove(folder.path / "labels/other.json");
  write_jpeg(folder.path / "images/b.jpg", Tensor::zeros({4, 6, 3}, DType::u8));
  CHECK(folder.error() == "images/b.png: has the stem of b.jpg, so labels/b.json could mean either");
  fs::remove(folder.path / "images/b.jpg");
  write_file(folder.path / "images/c.jpg", "nothing");
  std::vector<Fault> faults;
  CHECK(read_annotations(folder.path, &faults).photos.size() == 1);
  REQUIRE(faults.size() == 1);
  CHECK(without(folder.path, faults[0].text) ==
        "images/c.jpg: cannot be decoded as JPEG, PNG, BMP, GIF or PNM: unknown image type");
  fs::remove(folder.path / "images/c.jpg");
  fs::create_symlink("d.jpg", folder.path / "images/d.jpg");
  CHECK(folder.error() == "images/d.jpg: cannot be read: Too many levels of symbolic links");
  fs::remove(folder.path / "images/d.jpg");
  write_png(folder.path / "images/e\xFF.png", Tensor::zeros({4, 6, 3}, DType::u8));
  CHECK(folder.error() == "images/e\xFF.png: its name is not UTF-8, so JSON cannot hold it");
  fs::remove_all(folder.path / "labels");
  CHECK(error_of(folder.path, [&] { read_annotations(folder.path); }) ==
        "labels: no such folder; a label-schema data set has images/ and labels/");
}
