#include <doctest/doctest.h>

#include <algorithm>

#include "tests/apps/run.h"

using namespace sil;
using namespace sil::test;

namespace {

const std::string golden = std::string(SIL_SOURCE_DIR) + "/tests/golden/eval/";
const std::string annotations = "--annotations " + golden + "torchmetrics_39/annotations.json ";
const std::string both = annotations + "--results " + golden + "torchmetrics_39/results.json ";

size_t lines(const std::string& text) { return size_t(std::count(text.begin(), text.end(), '\n')); }

// The one line that a script reads.
void check_error(const Ran& ran, const std::string& says) {
  INFO(ran.err);
  CHECK(ran.code == 2);
  CHECK(ran.out.empty());
  CHECK(lines(ran.err) == 1);
  CHECK(ran.err.starts_with("error: "));
  CHECK(ran.err.find(says) != std::string::npos);
}

}  // namespace

TEST_CASE("evaluate: pycocotools' twelve lines for each IoU type, the table where asked") {
  const Ran all = run("evaluate", both + "--per-class");
  CHECK(all.code == 0);
  CHECK(all.out.find("Evaluate annotation type *bbox*\n Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | ") ==
        0);
  CHECK(all.out.find("Evaluate annotation type *segm*\n") != std::string::npos);
  CHECK(all.out.find("bbox AP50") != std::string::npos);

  const Ran boxes = run("evaluate", both + "--iou bbox");
  CHECK(boxes.code == 0);
  CHECK(lines(boxes.out) == 13);
}

TEST_CASE("evaluate: --iou boundary gives Boundary IoU's lines and a block of its own in --json") {
  const Folder folder;
  const Ran ran = run("evaluate", both + "--iou boundary,segm --per-class --json " + (folder / "m.json"));
  CHECK(ran.code == 0);
  CHECK(ran.out.find("Evaluate annotation type *boundary*\n") != std::string::npos);
  CHECK(ran.out.find("boundary AP50") != std::string::npos);
  CHECK(bytes_of(folder / "m.json").find("\"boundary\": {") != std::string::npos);
  CHECK(run("evaluate", both + "--iou boundary").code == 0);
  check_error(run("evaluate", both + "--iou boundary --explain"),
              "--explain, --curves and --compare look at bbox and segm; --iou has neither");
}

TEST_CASE("evaluate: --json gives the same bytes for any number of threads") {
  const Folder folder;
  CHECK(run("evaluate", both + "--json " + (folder / "one.json"), "SIL_THREADS=1").code == 0);
  CHECK(run("evaluate", both + "--json " + (folder / "three.json"), "SIL_THREADS=3").code == 0);
  const std::string one = bytes_of(folder / "one.json");
  CHECK(one.find("\"segm_map_per_class\"") != std::string::npos);
  CHECK(one == bytes_of(folder / "three.json"));
}

TEST_CASE("evaluate: several results files count as one") {
  const Folder folder;
  const Ran once = run("evaluate", both + "--iou bbox --json " + (folder / "once.json"));
  write_text(folder / "empty.json", "[]");
  const Ran twice = run("evaluate", both + (folder / "empty.json") + " --iou bbox --json " + (folder / "twice.json"));
  CHECK(once.code == 0);
  CHECK(twice.code == 0);
  CHECK(bytes_of(folder / "once.json") == bytes_of(folder / "twice.json"));
}

TEST_CASE("evaluate: no detections are AP 0, with a warning") {
  const Folder folder;
  write_text(folder / "empty.json", "[]");
  const Ran ran = run("evaluate", annotations + "--results " + (folder / "empty.json"));
  CHECK(ran.code == 0);
  CHECK(ran.out.find("maxDets=100 ] = 0.000") != std::string::npos);
  CHECK(ran.err.find("warning: there are no detections") != std::string::npos);
}

TEST_CASE("evaluate: --help teaches") {
  const Ran ran = run("evaluate", "--help");
  CHECK(ran.code == 0);
  CHECK(ran.out.find("Examples:") != std::string::npos);
}

TEST_CASE("evaluate: bad input is exit 2, one line, and no file") {
  const Folder folder;
  const auto results = [&](const std::string& text) {
    write_text(folder / "results.json", text);
    return run("evaluate", annotations + "--results " + (folder / "results.json") + " --json " + (folder / "out.json"));
  };
  check_error(run("evaluate", ""), "--annotations");
  check_error(run("evaluate", both + "--iou keypoints"), "keypoints");
  check_error(run("evaluate", annotations + "--results " + (folder / "none.json")), "none.json");
  check_error(run("evaluate", "--annotations " + (folder / "none.json") + " --results x.json"), "none.json");
  check_error(results(""), "results.json");
  check_error(results("[{\"image_id\": 1, "), "results.json");
  check_error(results("{\"a\": 1}"), "array");
  check_error(results("[{\"image_id\": 1}]"), "category_id");
  check_error(results(R"([{"image_id": 123456, "category_id": 1, "score": 0.5, "bbox": [0, 0, 1, 1]}])"),
              "results.json: record 0: image_id 123456 is not in");
  const Ran unwritable = run("evaluate", both + "--json /dev/null/metrics.json");
  CHECK(unwritable.code == 2);
  CHECK(unwritable.out.empty());
  CHECK(unwritable.err.find("error: /dev/null/metrics.json: cannot be written") != std::string::npos);
  CHECK(!std::filesystem::exists(folder / "out.json"));
}
