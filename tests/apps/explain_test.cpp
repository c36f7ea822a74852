// evaluate --explain, --curves, --compare
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <filesystem>

#include "tests/apps/run.h"

using namespace sil;
using namespace sil::test;

namespace {

const std::string golden = std::string(SIL_SOURCE_DIR) + "/tests/golden/tide/case_37/";
const std::string files = "--annotations " + golden + "annotations.json --results " + golden + "results.json ";

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Three photos with one square each, found as `category` by `box`; 40 x 40 pixels.
std::string squares(const std::string& box, int category, int first_image = 1) {
  std::string out;
  for (int i = 0; i < 3; ++i)
    out += (i ? ", " : "[") + fmt::format(R"({{"image_id": {}, "category_id": {}, "score": 0.9, "bbox": {}}})",
                                          first_image + i, category, box);
  return out + "]";
}

struct Squares {
  Folder folder;
  Squares() {
    write_text(folder / "val.json", R"({"images": [{"id": 1, "width": 40, "height": 40, "file_name": "a"},
      {"id": 2, "width": 40, "height": 40, "file_name": "b"}, {"id": 3, "width": 40, "height": 40, "file_name": "c"}],
      "categories": [{"id": 1, "name": "square"}, {"id": 2, "name": "round"}], "annotations": [
      {"id": 1, "image_id": 1, "category_id": 1, "bbox": [20, 20, 10, 10], "area": 100, "iscrowd": 0},
      {"id": 2, "image_id": 2, "category_id": 1, "bbox": [20, 20, 10, 10], "area": 100, "iscrowd": 0},
      {"id": 3, "image_id": 3, "category_id": 1, "bbox": [20, 20, 10, 10], "area": 100, "iscrowd": 0}]})");
  }
  Ran evaluate(const std::string& results, const std::string& more = "") {
    write_text(folder / "results.json", results);
    return run("evaluate", "--annotations " + (folder / "val.json") + " --results " + (folder / "results.json") +
                               " --iou bbox " + more);
  }
};

}  // namespace

TEST_CASE("evaluate --explain: printed after the twelve lines, and in the JSON") {
  const Folder folder;
  const Ran plain = run("evaluate", files), ran = run("evaluate", files + "--explain --json " + (folder / "out.json"));
  CHECK(ran.code == 0);
  CHECK(ran.out.starts_with(plain.out));
  for (const char* part : {"Explanation of *bbox*", "Explanation of *segm*", "without Dupe", "best score",
                           "there \\ found", "calibration: ECE"})
    CHECK(has(ran.out, part));
  const std::string json = bytes_of(folder / "out.json");
  for (const char* part :
       {"\"explain\":", "\"causes\": []", "\"tide\":", "\"best_threshold\":", "\"matrix\":", "\"ECE\":"})
    CHECK(has(json, part));
}

TEST_CASE("evaluate --explain: the same bytes for any number of threads") {
  const Folder folder;
  for (const char* n : {"1", "3"})
    CHECK(run("evaluate", files + "--explain --compare " + golden + "results.json --json " + (folder / n),
              std::string("SIL_THREADS=") + n)
              .code == 0);
  CHECK(bytes_of(folder / "1") == bytes_of(folder / "3"));
}

TEST_CASE("evaluate --curves: a picture of all classes, of each with objects, of confusion and calibration") {
  const Folder folder;
  Squares s;
  const Ran ran = s.evaluate(squares("[20, 20, 10, 10]", 1), "--curves " + (folder / "new/pictures"));
  CHECK(ran.code == 0);
  CHECK_FALSE(has(ran.out, "Explanation"));
  size_t pictures = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "new/pictures")) {
    ++pictures;
    CHECK(bytes_of(entry.path()).starts_with("\x89PNG"));
  }
  CHECK(pictures == 4);
  CHECK(std::filesystem::exists(folder / "new/pictures/bbox_1_square.png"));
  const Ran unwritable = s.evaluate(squares("[20, 20, 10, 10]", 1), "--curves /dev/null/pictures");
  CHECK(unwritable.code == 2);
  CHECK(unwritable.out.empty());
}

TEST_CASE("evaluate --compare: AP of both, the difference, its interval; the same for the same seed") {
  Squares s;
  write_text(s.folder / "worse.json", squares("[23, 20, 10, 10]", 1));
  const std::string compare =
      "--compare " + (s.folder / "worse.json") + " " + (s.folder / "results.json") + " --samples 50 ";
  const Ran ran = s.evaluate(squares("[20, 20, 10, 10]", 1), compare + "--json " + (s.folder / "out.json"));
  CHECK(ran.code == 0);
  CHECK(has(ran.out, "Compared over 50 samples"));
  CHECK(has(ran.out, "worse.json"));
  CHECK(has(ran.out, "[-0.9000, -0.9000]  worse"));  // right at .50 alone, in each photo
  CHECK(has(ran.out, "+0.0000  [+0.0000, +0.0000]  may be chance"));
  CHECK(has(bytes_of(s.folder / "out.json"), "\"compare\": [{\"iou\": \"bbox\""));
  CHECK(ran.out == s.evaluate(squares("[20, 20, 10, 10]", 1), compare).out);
  const Ran missing = s.evaluate(squares("[20, 20, 10, 10]", 1), "--compare " + (s.folder / "none.json"));
  CHECK(missing.code == 2);
  CHECK(has(missing.err, "none.json"));
  const Ran overwritten = s.evaluate(squares("[20, 20, 10, 10]", 1), compare + "--json " + (s.folder / "worse.json"));
  CHECK(overwritten.code == 2);
  CHECK(has(overwritten.err, "worse.json: is an input"));
}

TEST_CASE("evaluate: unknown images are an error that guesses why") {
  Squares s;
  const Ran ran = s.evaluate(squares("[20, 20, 10, 10]", 1, 0));
  CHECK(ran.code == 2);
  CHECK(has(ran.err, "record 0: image_id 0 is not in "));
  CHECK(has(ran.err,
            "1 of 3 detections have unknown image ids; theirs are 0 to 2, the annotations' 1 to 3: ids off by one?"));
}

TEST_CASE("evaluate: an AP of 0 is explained, asked or not; another AP is not") {
  Squares s;
  const Ran off = s.evaluate(squares("[20, 20, 10, 10]", 0));
  CHECK(off.code == 0);
  CHECK(has(off.err, "warning: all 3 detections have category ids 0, the annotations 1 to 2: ids off by one?"));
  const Ran corners = s.evaluate(squares("[20, 20, 30, 30]", 1), "--explain");
  CHECK(has(corners.out, "probable cause (boxes): the detections' boxes look like corners"));
  CHECK_FALSE(has(corners.err, "corners"));
  const Ran sound = s.evaluate(squares("[20, 20, 10, 10]", 1), "--explain");
  CHECK_FALSE(has(sound.out, "probable cause"));
  CHECK(sound.err.empty());
}

TEST_CASE("docs: explain.md shows what evaluate --explain prints") {
  const std::string page = bytes_of(std::string(SIL_SOURCE_DIR) + "/docs/explain.md");
  const size_t begin = page.find("```text\n") + 8;
  const std::string shown = page.substr(begin, page.find("```", begin) - begin);
  const std::string folder = std::string(SIL_SOURCE_DIR) + "/tests/golden/tide/case_2/";
  const Ran ran = run("evaluate", "--annotations " + folder + "annotations.json --results " + folder +
                                      "results.json --iou segm --explain");
  CHECK(shown.size() > 1000);
  CHECK(ran.out.ends_with(shown));
}
