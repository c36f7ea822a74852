#include <doctest/doctest.h>

#include "data/image.h"
#include "data/json_reader.h"
#include "tests/apps/run.h"

using namespace sil;
using namespace sil::test;

namespace {

// A photo and a file with the given annotations.
struct Set : Folder {
  explicit Set(const std::string& annotations) {
    write_png(path / "a.png", Tensor::zeros({10, 20, 3}, DType::u8));
    write_text(path / "f.json", R"({"images": [{"id": 7, "file_name": "a.png", "width": 20, "height": 10}],
                                    "categories": [{"id": 3, "name": "fig"}], "annotations": [)" +
                                    annotations + "]}");
  }
  Ran doctor(const std::string& more = "") const {
    return run("doctor", "--annotations " + (*this / "f.json") + " --images " + path.string() + more);
  }
};

const std::string kGood =
    R"({"id": 5, "image_id": 7, "category_id": 3, "bbox": [2, 2, 6, 6], "segmentation": [[2, 2, 8, 2, 8, 8, 2, 8]]})";
const std::string kCrowd = R"({"id": 8, "image_id": 7, "category_id": 3, "iscrowd": 1, "bbox": [0, 0, 20, 10],
                              "segmentation": {"size": [10, 20], "counts": [0, 200]}})";
const std::string kStray = R"({"id": 6, "image_id": 70, "category_id": 3, "bbox": [2, 2, 6, 6]})";

}  // namespace

TEST_CASE("doctor: a flawless set, exit 0") {
  const Ran ran = Set(kGood).doctor();
  CHECK(ran.code == 0);
  CHECK(ran.err == "");
  CHECK(contains(ran.out, "Nothing is wrong."));
  CHECK(contains(ran.out, "3 fig                             1        1        0"));
}

TEST_CASE("doctor: warnings alone, exit 0") {
  const Ran ran = Set(kGood + "," + kCrowd).doctor();
  CHECK(ran.code == 0);
  CHECK(contains(ran.out, "\na.png\n  warning  annotation 8: is a crowd (iscrowd 1); training leaves it out\n"));
  CHECK(contains(ran.out, "  warning       1 x crowd\nNothing stops training.\n"));
}

TEST_CASE("doctor: what stops training is listed by file and annotation, exit 1") {
  const Ran ran =
      Set(kGood + "," + kStray + R"(, {"id": 9, "image_id": 7, "category_id": 3, "bbox": "none"})").doctor();
  CHECK(ran.code == 1);
  CHECK(ran.err == "");
  CHECK(contains(ran.out, "  stops    annotation 6: image_id 70 is not among the images\n"));
  CHECK(contains(ran.out, "  stops    annotation 9: bbox is a string; an array expected\n"));
  CHECK(contains(ran.out, "  stops         1 x unknown image\n"));
  CHECK(contains(ran.out, "Training would stop.\n"));
}

TEST_CASE("doctor: --json holds what is printed") {
  const Set set(kGood + "," + kStray);
  CHECK(set.doctor(" --json " + (set / "d.json")).code == 1);
  const std::string text = bytes_of(set / "d.json");
  JsonReader reader(text, "d.json");
  reader.skip();
  reader.finish();
  CHECK(contains(text, R"("kind": "unknown image")"));
  CHECK(contains(text, R"("annotation": 6, "text": "image_id 70 is not among the images")"));
  CHECK(contains(text, R"("stops_training": true)"));
  CHECK(contains(text, R"({"id": 3, "name": "fig", "objects": 1, "photos": 1, "crowds": 0})"));
}

TEST_CASE("doctor: the same photo in training and validation is named") {
  const Set set(kGood);
  const Ran ran = set.doctor(" --val-annotations " + (set / "f.json") + " --val-images " + set.path.string());
  CHECK(ran.code == 0);
  CHECK(contains(ran.out, "  warning  is the same file as a.png of the training set\n"));
}

TEST_CASE("doctor: a validation set that training would refuse, exit 1") {
  const Set set(kGood);
  const std::string val = " --val-annotations " + (set / "val.json") + " --val-images " + set.path.string();
  std::string text = bytes_of(set / "f.json");
  write_text(set / "val.json", text.replace(text.find("fig"), 3, "date"));
  const Ran renamed = set.doctor(val);
  CHECK(renamed.code == 1);
  CHECK(contains(renamed.out, "val.json\n  stops    category 3 is date here, fig in "));
  CHECK(contains(renamed.out, "Training would stop.\n"));
}

TEST_CASE("doctor: objects that training would leave out, one and all, exit 1") {
  const std::string thin = R"({"id": 5, "image_id": 7, "category_id": 3, "bbox": [2, 2, 0, 6]})";
  const std::string outside = R"({"id": 6, "image_id": 7, "category_id": 3, "bbox": [40, 2, 5, 6]})";
  const Ran ran = Set(thin + "," + outside).doctor();
  CHECK(ran.code == 1);
  CHECK(contains(ran.out, "  warning  annotation 5: bbox [2, 2, 0, 6] has no area\n"));
  CHECK(contains(ran.out,
                 "f.json\n  stops    nothing to learn from: of its annotations 1 are boxes without area, 1 boxes "
                 "outside their photo, 0 crowds\n"));
  CHECK(contains(ran.out, "Training would stop.\n"));

  const Set set(kGood);  // as a validation set it can be
  write_text(set / "val.json", bytes_of(Set(thin) / "f.json"));
  CHECK(set.doctor(" --val-annotations " + (set / "val.json") + " --val-images " + set.path.string()).code == 0);
}

TEST_CASE("doctor: a label folder") {
  const Folder folder;
  for (const char* sub : {"images", "labels"}) std::filesystem::create_directory(folder.path / sub);
  write_png(folder.path / "images/a.png", Tensor::zeros({10, 20, 3}, DType::u8));
  write_text(folder / "labels/a.json",
             R"([{"type": "instance", "class_id": 1, "class_name": "fig", "mask_path": "none.png"},
                 {"type": "instance", "class_id": 1, "class_name": "fig", "polygon": [2, 2, 8, 8, 8, 2, 2, 8]}])");
  const Ran ran = run("doctor", "--annotations " + folder.path.string() + " --images " + (folder / "images"));
  CHECK(ran.code == 1);
  CHECK(contains(ran.out, "labels/a.json\n  stops    instance [0]: mask_path: "));
  CHECK(
      contains(ran.out, "\na.png\n  warning  annotation 2: instance [1] of labels/a.json: polygon 0 crosses itself\n"));
  CHECK(contains(ran.out, "1 fig                             1        1        0"));
}

TEST_CASE("doctor: a label file that is none is a finding, and the others are looked at") {
  const Folder folder;
  for (const char* sub : {"images", "labels"}) std::filesystem::create_directory(folder.path / sub);
  for (const char* name : {"a", "b", "c"})
    write_png(folder.path / fmt::format("images/{}.png", name), Tensor::zeros({10, 20, 3}, DType::u8));
  write_text(folder / "labels/a.json", "");
  write_text(folder / "labels/b.json", "{}");
  write_text(folder / "labels/c.json",
             R"([{"type": "instance", "class_id": 1, "class_name": "fig", "polygon": [2, 2, 8, 2, 8, 8]}])");
  const Ran ran = run("doctor", "--annotations " + folder.path.string() + " --images " + (folder / "images"));
  CHECK(ran.code == 1);
  CHECK(ran.err == "");
  CHECK(contains(ran.out, "labels/a.json\n  stops    is empty\n"));
  CHECK(contains(ran.out, "labels/b.json\n  stops    the file is an object; an array expected (of instances)\n"));
  CHECK(contains(ran.out, "1 fig                             1        1        0"));
}

TEST_CASE("doctor: a label folder's own files are not written over") {
  const Folder folder;
  for (const char* sub : {"images", "labels"}) std::filesystem::create_directory(folder.path / sub);
  write_png(folder.path / "images/a.png", Tensor::zeros({10, 20, 3}, DType::u8));
  write_text(folder / "labels/a.json", "[]");
  const Ran ran = run("doctor", "--annotations " + folder.path.string() + " --images " + (folder / "images") +
                                    " --json " + (folder / "labels/../labels/a.json"));
  CHECK(ran.code == 2);
  CHECK(contains(ran.err, "a.json: is an input and would be overwritten\n"));
  CHECK(bytes_of(folder / "labels/a.json") == "[]");
}

TEST_CASE("doctor: unusable arguments, exit 2 with one line") {
  const Set set(kGood);
  const Ran none = run("doctor", "--annotations " + (set / "none.json") + " --images " + set.path.string());
  CHECK(none.code == 2);
  CHECK(none.out == "");
  CHECK(none.err == "error: " + (set / "none.json") + ": cannot be opened: No such file or directory\n");
  const Ran no_images = run("doctor", "--annotations " + (set / "f.json") + " --images " + (set / "none"));
  CHECK(no_images.code == 2);
  CHECK(no_images.err == "error: " + (set / "none") + ": no such folder of photos\n");
  const Ran half = set.doctor(" --val-annotations x");
  CHECK(half.code == 2);
  CHECK(half.err == "error: --val-annotations requires --val-images (--help lists the arguments)\n");
  CHECK(run("doctor", "").err == "error: --annotations is required (--help lists the arguments)\n");
  const std::string before = bytes_of(set / "f.json");
  const Ran over = set.doctor(" --json " + (set / "./f.json"));
  CHECK(over.code == 2);
  CHECK(over.err == "error: " + (set / "./f.json") + ": is an input and would be overwritten\n");
  CHECK(bytes_of(set / "f.json") == before);
  CHECK(set.doctor(" --json ''").err == "error: --json is given without a value (--help lists the arguments)\n");
  CHECK(set.doctor(" --val-annotations '' --val-images ''").code == 2);
  const Ran unwritable = set.doctor(" --json " + (set / "no/such/folder.json"));
  CHECK(unwritable.code == 2);
  CHECK(unwritable.out == "");  // said before any work
  CHECK(contains(unwritable.err, "no/such/folder.json: cannot be written: there is no folder "));
}

TEST_CASE("doctor: a photo that claims more columns than there is memory for ends with one line") {
  const Set set("");
  std::string more;
  for (int id = 1; id <= 4; ++id)
    more += fmt::format(R"({}{{"id": {}, "image_id": 7, "category_id": 3, "bbox": [0, 0, 16777216, 9],
                            "segmentation": [[0, 0, 16777216, 0, 16777216, 9, 0, 9]]}})",
                        id > 1 ? ", " : "", id);
  write_text(set / "f.json", R"({"images": [{"id": 7, "file_name": "a.png", "width": 16777216, "height": 10}],
                                 "categories": [{"id": 3, "name": "fig"}], "annotations": [)" +
                                 more + "]}");
  const Ran ran = run("doctor", "--annotations " + (set / "f.json") + " --images " + set.path.string(),
                      "ulimit -v 600000; SIL_THREADS=2");
  CHECK(ran.code == 2);
  CHECK(ran.err == "error: out of memory\n");
}

TEST_CASE("doctor: a photo that does not fit into memory is a finding of its own") {
  const Set set(kGood);
  std::filesystem::resize_file(set / "a.png", uintmax_t(1) << 30);  // the most that a photo may have
  const Ran ran = run("doctor", "--annotations " + (set / "f.json") + " --images " + set.path.string(),
                      "ulimit -v 1000000; SIL_THREADS=2");
  CHECK(ran.code == 1);
  CHECK(contains(ran.out, "a.png"));
  CHECK(contains(ran.out, "does not fit into memory"));
}

TEST_CASE("doctor: --help teaches") {
  const Ran ran = run("doctor", "--help");
  CHECK(ran.code == 0);
  CHECK(contains(ran.out, "Examples:"));
  CHECK(contains(ran.out, "the same photo is found by equal bytes alone"));
  CHECK(contains(ran.out, "Exit code:"));
}
