#include <doctest/doctest.h>

#include "data/annotations.h"
#include "data/image.h"
#include "tests/apps/run.h"

using namespace sil;
using namespace sil::test;
namespace fs = std::filesystem;

namespace {

// One polygon, polygons in parts, runs, a crowd, two that no label can hold.
struct CocoSet : Folder {
  CocoSet() {
    fs::create_directory(path / "photos");
    write_png(path / "photos/a.png", Tensor::zeros({10, 20, 3}, DType::u8));
    write_jpeg(path / "photos/b.jpg", Tensor::zeros({12, 9, 3}, DType::u8));
    write_text(path / "f.json", R"({
      "images": [{"id": 70, "file_name": "b.jpg", "width": 9, "height": 12}, {"id": 7, "file_name": "a.png", "width": 20, "height": 10}],
      "categories": [{"id": 3, "name": "fig"}, {"id": 90, "name": "a \"date\"", "supercategory": "fruit"}, {"id": 91, "name": "unused"}],
      "annotations": [
        {"id": 5, "image_id": 7, "category_id": 3, "bbox": [2.5, 2, 6.25, 6], "area": 36, "segmentation": [[2.1, 2, 8, 2, 8, 8, 2, 8.3]]},
        {"id": 12, "image_id": 7, "category_id": 90, "iscrowd": 1, "segmentation": {"size": [10, 20], "counts": [0, 200]}},
        {"id": 6, "image_id": 7, "category_id": 90, "bbox": [1, 1, 18, 8], "segmentation": [[1, 1, 4, 1, 4, 4], [9, 9, 19, 9, 19, 4]]},
        {"id": 8, "image_id": 70, "category_id": 3, "segmentation": {"size": [12, 9], "counts": [30, 7, 5, 7, 59]}},
        {"id": 9, "image_id": 70, "category_id": 3, "bbox": [1, 1, 2, 2]},
        {"id": 4, "image_id": 99, "category_id": 3, "bbox": [1, 1, 2, 2]}]})");
  }
  Ran to_labels(const std::string& out) const {
    return run("convert", "coco-to-labels --annotations " + (*this / "f.json") + " --images " + (*this / "photos") +
                              " --out " + out);
  }
};

const Annotation& find(const Annotations& all, const std::string& file, size_t number) {
  for (size_t i = 0; i < all.photos.size(); ++i)
    if (all.photos[i].file_name == file) return all.annotations.at(all.by_photo[i].at(number));
  throw std::runtime_error("no " + file);
}

Rle pixels(const Annotations& all, const Annotation& a) { return to_rle(a, all.photos[all.photo_row.at(a.image_id)]); }

std::string name_of(const Annotations& all, const Annotation& a) {
  return all.categories[all.category_row.at(a.category_id)].name;
}

}  // namespace

TEST_CASE("convert: COCO to labels keeps categories, boxes and masks to the pixel") {
  const CocoSet set;
  const Ran ran = set.to_labels(set / "labels");
  REQUIRE(ran.code == 0);
  const Annotations before = read_annotations(set / "f.json"), after = read_annotations(set / "labels");
  CHECK(after.photos.size() == 2);
  REQUIRE(after.annotations.size() == 3);
  for (const auto& [file, from, to] :
       {std::tuple("a.png", 0, 0), std::tuple("a.png", 2, 1), std::tuple("b.jpg", 0, 0)}) {
    const Annotation &a = find(before, file, size_t(from)), &b = find(after, file, size_t(to));
    CHECK(a.category_id == b.category_id);
    CHECK(name_of(before, a) == name_of(after, b));
    CHECK(pixels(before, a) == pixels(after, b));
    if (a.has_bbox) CHECK(a.bbox == b.bbox);
  }
  CHECK(find(after, "b.jpg", 0).bbox == bounding_box(pixels(after, find(after, "b.jpg", 0))));  // derived
  CHECK(std::get<std::vector<Polygon>>(find(after, "a.png", 0).segmentation) ==
        std::get<std::vector<Polygon>>(find(before, "a.png", 0).segmentation));
  CHECK(fs::exists(set / "labels/masks/a_2.png"));  // parts
  CHECK(bytes_of(set / "labels/images/b.jpg") == bytes_of(set / "photos/b.jpg"));
}

TEST_CASE("convert: what label schema cannot hold is listed by annotation id, crowds first") {
  const CocoSet set;
  CHECK(set.to_labels(set / "labels").out ==
        (set / "labels") +
            ": 2 photos, 3 of 6 annotations\n"
            "What label schema cannot hold:\n"
            "  annotation 12: is a crowd (iscrowd 1)\n"
            "  annotation 4: image_id 99 is not among the images\n"
            "  annotation 9: has no segmentation, and an instance needs a mask or a polygon\n"
            "  category 90 (a \"date\") has the supercategory fruit\n"
            "  category 91 (unused) has no instance that could name it\n");
}

TEST_CASE("convert: labels to COCO and back gives the same instances, boxes, masks") {
  const CocoSet set;
  REQUIRE(set.to_labels(set / "labels").code == 0);
  REQUIRE(run("convert", "labels-to-coco --labels " + (set / "labels") + " --out " + (set / "g.json")).code == 0);
  const Ran back = run("convert", "coco-to-labels --annotations " + (set / "g.json") + " --images " +
                                      (set / "labels/images") + " --out " + (set / "again"));
  REQUIRE(back.code == 0);
  CHECK(back.out == (set / "again") + ": 2 photos, 3 of 3 annotations\n");
  const Annotations coco = read_annotations(set / "g.json"), labels = read_annotations(set / "labels"),
                    again = read_annotations(set / "again");
  for (const Annotations* all : {&coco, &again}) {
    REQUIRE(all->annotations.size() == labels.annotations.size());
    for (size_t i = 0; i < labels.annotations.size(); ++i) {
      const Annotation &a = labels.annotations[i], &b = all->annotations[i];
      CHECK(a.id == b.id);
      CHECK(a.image_id == b.image_id);
      CHECK(a.category_id == b.category_id);
      CHECK(a.bbox == b.bbox);
      CHECK(a.area == b.area);
      CHECK_FALSE(b.crowd);
      CHECK(a.segmentation == b.segmentation);
    }
  }
}

TEST_CASE("convert: rle turns every outline into runs of one kind") {
  const CocoSet set;
  for (const std::string kind : {"compressed", "uncompressed"}) {
    REQUIRE(
        run("convert", "rle --annotations " + (set / "f.json") + " --out " + (set / "r.json") + " --to " + kind).code ==
        0);
    const Annotations before = read_annotations(set / "f.json"), after = read_annotations(set / "r.json");
    REQUIRE(after.annotations.size() == 6);
    for (size_t i = 0; i < 4; ++i) {
      CHECK(std::get<Rle>(after.annotations[i].segmentation) == pixels(before, before.annotations[i]));
      CHECK(after.annotations[i].crowd == before.annotations[i].crowd);
    }
    CHECK(std::holds_alternative<std::monostate>(after.annotations[4].segmentation));
    CHECK(contains(bytes_of(set / "r.json"), "\"counts\": [0, 200]") == (kind == "uncompressed"));
  }
}

TEST_CASE("convert: bad input, exit 2 with one line and nothing half-written") {
  const CocoSet set;
  const auto error = [](const std::string& arguments) {
    const Ran ran = run("convert", arguments);
    CHECK(ran.code == 2);
    CHECK(ran.out == "");
    return ran.err;
  };
  CHECK(error("") == "error: A subcommand is required (--help lists the arguments)\n");
  CHECK(error("labels-to-coco --labels " + (set / "none") + " --out " + (set / "x.json")) ==
        "error: " + (set / "none") + ": is not a folder in label schema (images/, labels/)\n");
  CHECK(contains(error("rle --annotations x --out y --to zip"), "error: --to: zip not in {compressed,uncompressed}"));
  CHECK(error("coco-to-labels --annotations " + (set / "f.json") + " --images " + (set / "photos") + " --out " +
              set.path.string()) ==
        "error: " + set.path.string() + ": exists already; a new or an empty folder expected\n");
  fs::remove(set.path / "photos/a.png");
  CHECK(error("coco-to-labels --annotations " + (set / "f.json") + " --images " + (set / "photos") + " --out " +
              (set / "labels")) ==
        "error: " + (set / "f.json") + ": image 7: there is no photo " + (set / "photos/a.png") + "\n");
  CHECK_FALSE(fs::exists(set / "labels"));

  write_png(set.path / "photos/a.png", Tensor::zeros({10, 20, 3}, DType::u8));
  std::string text = bytes_of(set / "f.json");
  text.replace(text.find("[12, 9]"), 7, "[9, 12]");
  write_text(set / "f.json", text);
  CHECK(error("coco-to-labels --annotations " + (set / "f.json") + " --images " + (set / "photos") + " --out " +
              (set / "labels")) ==
        "error: " + (set / "f.json") + ": b.jpg: annotation 8: mask is 9 x 12, its photo 12 x 9 (height x width)\n");
  CHECK_FALSE(fs::exists(set / "labels"));
  for (const fs::directory_entry& entry : fs::directory_iterator(set.path))
    CHECK_FALSE(contains(entry.path().filename().string(), "labels"));
}

TEST_CASE("convert: what lies beside the folder to write stays") {
  const CocoSet set;
  fs::create_directory(set.path / "labels.tmp");
  write_text(set / "labels.tmp/mine", "keep");
  CHECK(set.to_labels(set / "labels").code == 0);
  CHECK(bytes_of(set / "labels.tmp/mine") == "keep");
}

TEST_CASE("convert: the folder to write may end in a slash") {
  const CocoSet set;
  CHECK(set.to_labels((set / "labels") + "/").code == 0);
  CHECK(read_annotations(set / "labels").photos.size() == 2);
}

TEST_CASE("convert: photos that cannot be used are not copied") {
  const CocoSet set;
  const std::string whole = bytes_of(set / "photos/b.jpg");
  const auto error = [&](const std::string& photo) {
    write_text(set / "photos/b.jpg", photo);
    const Ran ran = set.to_labels(set / "labels");
    CHECK(ran.code == 2);
    CHECK_FALSE(fs::exists(set / "labels"));
    return ran.err;
  };
  CHECK(error("") == "error: " + (set / "photos/b.jpg") + ": is empty\n");
  CHECK(contains(error(whole.substr(0, whole.size() - 4)), "photos/b.jpg: "));
  CHECK(error(bytes_of(set / "photos/a.png")) ==
        "error: " + (set / "photos/b.jpg") + ": is 20 x 10, in " + (set / "f.json") + " 9 x 12 (width x height)\n");
}

TEST_CASE("convert: a link that leads nowhere is named") {
  const CocoSet set;
  fs::remove(set.path / "photos/a.png");
  fs::create_symlink("a.png", set.path / "photos/a.png");
  CHECK(set.to_labels(set / "labels").err ==
        "error: " + (set / "f.json") + ": image 7: there is no photo " + (set / "photos/a.png") + "\n");
}

TEST_CASE("convert: outlines that cannot be pixels are refused, from labels as from COCO") {
  const CocoSet set;
  REQUIRE(set.to_labels(set / "labels").code == 0);
  write_text(set / "labels/labels/b.json",
             R"([{"type": "instance", "class_id": 3, "class_name": "fig", "polygon": [1, 1, 2, 2]}])");
  const Ran ran = run("convert", "labels-to-coco --labels " + (set / "labels") + " --out " + (set / "g.json"));
  CHECK(ran.code == 2);
  CHECK(ran.err ==
        "error: " + (set / "labels") +
            ": b.jpg: annotation 3, instance [0] of labels/b.json: polygon 0 has 2 points; 3 or more expected\n");
  CHECK_FALSE(fs::exists(set / "g.json"));
}

TEST_CASE("convert: a file is not converted over itself") {
  const CocoSet set;
  const std::string before = bytes_of(set / "f.json");
  CHECK(run("convert", "rle --annotations " + (set / "f.json") + " --out " + (set / "f.json")).err ==
        "error: " + (set / "f.json") + ": is an input and would be overwritten\n");
  CHECK(bytes_of(set / "f.json") == before);
}

TEST_CASE("convert: a label folder's own files are not written over") {
  const CocoSet set;
  REQUIRE(set.to_labels(set / "labels").code == 0);
  for (const std::string name : {"labels/labels/a.json", "labels/masks/b_1.png", "labels/images/a.png"}) {
    const std::string before = bytes_of(set / name), over = set / name + ": is an input and would be overwritten\n";
    CHECK(run("convert", "labels-to-coco --labels " + (set / "labels") + " --out " + (set / name)).err ==
          "error: " + over);
    CHECK(run("convert", "rle --annotations " + (set / "labels") + " --out " + (set / name)).err == "error: " + over);
    CHECK(bytes_of(set / name) == before);
  }
}

TEST_CASE("convert: an empty value is none") {
  CHECK(run("convert", "labels-to-coco --labels a --out ''").err ==
        "error: --out is given without a value (--help lists the arguments)\n");
}

TEST_CASE("convert: a number that JSON cannot hold is blamed on the file it came from") {
  const CocoSet set;
  std::string text = bytes_of(set / "f.json");
  text.replace(text.find("2.5, 2"), 3, "NaN");
  write_text(set / "f.json", text);
  CHECK(run("convert", "rle --annotations " + (set / "f.json") + " --out " + (set / "r.json")).err ==
        "error: " + (set / "f.json") + ": annotation 5: JSON: nan cannot be written as a number\n");
}

TEST_CASE("convert: a file over the shell's limit of size is an error, and nothing stays half-written") {
  const CocoSet set;
  const Ran ran =
      run("convert", "rle --annotations " + (set / "f.json") + " --out " + (set / "r.json") + " --to uncompressed",
          "ulimit -f 0;");
  CHECK(ran.code == 2);
  for (const fs::directory_entry& entry : fs::directory_iterator(set.path))
    CHECK_FALSE(contains(entry.path().filename().string(), "r.json"));
}

TEST_CASE("convert: a photo that does not fit on the disk is named where it was to be, with the reason") {
  const CocoSet set;
  std::ofstream(set / "photos/a.png", std::ios::app) << std::string(4096, 'x');  // behind the picture's end
  const Ran ran = run("convert",
                      "coco-to-labels --annotations " + (set / "f.json") + " --images " + (set / "photos") + " --out " +
                          (set / "labels"),
                      "ulimit -f 4;");  // blocks of 512 or 1024 bytes
  CHECK(ran.code == 2);
  CHECK(ran.err.starts_with("error: " + (set / "labels") + ".part-"));
  CHECK(ran.err.ends_with("/images/a.png: cannot be written: File too large\n"));
  for (const fs::directory_entry& entry : fs::directory_iterator(set.path))
    CHECK_FALSE(contains(entry.path().filename().string(), "labels"));
}

TEST_CASE("convert: an image without a file name is named by its id") {
  const CocoSet set;
  std::string text = bytes_of(set / "f.json");
  write_text(set / "f.json", text.replace(text.find("a.png"), 5, ""));
  CHECK(set.to_labels(set / "labels").err ==
        "error: " + (set / "f.json") + ": image 7: file_name is missing or empty; a photo's name expected\n");
}

TEST_CASE("convert: --help teaches") {
  CHECK(contains(run("convert", "--help").out, "coco-to-labels"));
  for (const std::string sub : {"labels-to-coco", "coco-to-labels", "rle"}) {
    const Ran ran = run("convert", sub + " --help");
    CHECK(ran.code == 0);
    CHECK(contains(ran.out, "Example:"));
  }
}
