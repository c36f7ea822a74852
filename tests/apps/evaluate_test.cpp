#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

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

TEST_CASE("evaluate: without 100 among the limits AP is -1, as in pycocotools, beside AP at the largest") {
  const Folder folder;
  const Ran ran = run("evaluate", both + "--iou bbox --max-dets 1000,1,10 --json " + (folder / "m.json"));
  CHECK(ran.code == 0);
  CHECK(ran.out.find("| area=   all | maxDets=100 ] = -1.000") != std::string::npos);
  CHECK(ran.out.find("| area=   all | maxDets=1000 ] = 0.") != std::string::npos);
  const std::string json = bytes_of(folder / "m.json");
  CHECK(json.find("\"AP\": -1,") != std::string::npos);
  CHECK(json.find("\"AP_at_largest_max_dets\": 0.") != std::string::npos);
  CHECK(json.find("torchmetrics") == std::string::npos);  // it has parameters of its own
  CHECK(run("evaluate", both + "--json " + (folder / "n.json")).code == 0);
  CHECK(bytes_of(folder / "n.json").find("AP_at_largest") == std::string::npos);
}

TEST_CASE("evaluate: --arrays names the arrays, the IoU type first where there are two") {
  const Folder folder;
  CHECK(run("evaluate", both + "--arrays " + (folder / "two.npz")).code == 0);
  CHECK(run("evaluate", both + "--iou segm --recall-thresholds 0,1 --arrays " + (folder / "one.npz")).code == 0);
  const std::string two = bytes_of(folder / "two.npz"), one = bytes_of(folder / "one.npz");
  for (const char* name : {"bbox_precision.npy", "segm_recall.npy", "segm_scores.npy"})
    CHECK(two.find(name) != std::string::npos);
  CHECK(one.find("segm_") == std::string::npos);
  CHECK(one.find("precision.npy\x93NUMPY") != std::string::npos);
  CHECK(one.find("'descr': '<f8', 'fortran_order': False, 'shape': (10, 2, ") != std::string::npos);
}

TEST_CASE("evaluate: parts merge in any order to the bytes of one run") {
  const Folder folder;
  const std::string lone = " --iou bbox --images ";
  const std::string ids[] = {"1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31,33,35,37,39,-1,-3",
                             "0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30,32,34,36,38,-2"};
  CHECK(run("evaluate", both + lone + ids[0] + "," + ids[1] + " --json " + (folder / "whole.json")).code == 0);
  for (int i : {0, 1})
    CHECK(run("evaluate", both + lone + ids[i] + " --partial " + (folder / ids[i].substr(0, 1))).code == 0);
  const std::string a = folder / "1", b = folder / "0";
  CHECK(run("evaluate", "--merge " + a + " " + b + " --json " + (folder / "ab.json")).code == 0);
  const Ran ran = run("evaluate", "--merge " + b + " " + a + " --json " + (folder / "ba.json"));
  CHECK(ran.code == 0);
  CHECK(lines(ran.out) == 13);
  CHECK(bytes_of(folder / "ab.json") == bytes_of(folder / "whole.json"));
  CHECK(bytes_of(folder / "ba.json") == bytes_of(folder / "whole.json"));
  check_error(run("evaluate", "--merge " + a + " --max-dets 1,2,3"), "--merge takes parts");
  check_error(run("evaluate", "--merge " + a + " --iou segm"), "excludes");
  for (const char* of_a_model : {" --dtype bf16", " --device cpu", " --bn-eps 0", " --exif apply"})
    check_error(run("evaluate", "--merge " + a + of_a_model), "requires --weights");
  check_error(run("evaluate", "--merge " + golden + "case_5/results.json"), "is no part of an evaluation");
  check_error(run("evaluate", "--merge " + a + " --json " + a), "is an input");
}

TEST_CASE("evaluate: a flag without the one that it belongs to is an error, not ignored") {
  for (const char* of_a_model : {" --dtype bf16", " --device cpu", " --bn-eps 0", " --exif apply"})
    check_error(run("evaluate", both + of_a_model), "requires --weights");
  for (const char* of_a_comparison : {" --samples 10", " --seed 1"})
    check_error(run("evaluate", both + of_a_comparison), "requires --compare");
}

TEST_CASE("evaluate: ids of any type, and what is broken where it is not looked at") {
  const Folder folder;
  write_text(folder / "a.json", R"({"images": [{"id": "b"}, {"id": "a"}], "categories": [{"id": 1.5, "name": "x"}],
    "annotations": [{"id": 1, "image_id": "a", "category_id": 1.5, "bbox": [1, 1, 5, 5], "area": 25, "iscrowd": 0,
                     "segmentation": "none"}]})");
  write_text(folder / "r.json", R"([{"image_id": "a", "category_id": 1.5, "score": 1, "bbox": [1, 1, 5, 5]}])");
  const std::string files = "--annotations " + (folder / "a.json") + " --results " + (folder / "r.json");
  const Ran ran = run("evaluate", files + " --iou bbox --json " + (folder / "m.json"));
  CHECK(ran.code == 0);
  CHECK(ran.out.find("maxDets=100 ] = 1.000") != std::string::npos);
  CHECK(bytes_of(folder / "m.json").find("\"category_id\": 1.5,") != std::string::npos);
  check_error(run("evaluate", files + " --iou segm"), "its image has no height and width");
  check_error(run("evaluate", files + " --iou bbox --partial " + (folder / "p")), "parts need such");
}

TEST_CASE("evaluate: integers that numpy compares as no doubles are refused where that decides") {
  const Folder folder;
  write_text(folder / "a.json", R"({"images": [{"id": 1}], "categories": [{"id": 1, "name": "x"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "area": 25, "iscrowd": 0}]})");
  const auto scores = [&](const std::string& first, const std::string& second) {
    const auto record = [](const std::string& score) {
      return R"({"image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "score": )" + score + "}";
    };
    write_text(folder / "r.json", "[" + record(first) + ", " + record(second) + "]");
    return run("evaluate", "--iou bbox --annotations " + (folder / "a.json") + " --results " + (folder / "r.json"));
  };
  check_error(scores("9007199254740993", "9007199254740992"), "a score is the integer 9007199254740993");
  check_error(scores("-9223372036854775808", "1"), "a score is the integer -9223372036854775808");
  check_error(scores("-9223372036854775809", "NaN"), "a score is the integer -9223372036854775809");
  CHECK(scores("9007199254740993", "0.5").code == 0);
  CHECK(scores("-9223372036854775809", "0.5").code == 0);
  write_text(folder / "a.json", R"({"images": [{"id": NaN}, {"id": 1)" + std::string(30, '0') + R"(}], "categories": [],
    "annotations": []})");
  check_error(scores("1", "2"), "NaN beside an integer past 64 bits has no order");
}

TEST_CASE("evaluate: a warning is one line, whatever is in the names") {
  const Folder folder;
  const std::string name = folder / "a\nb.json";
  write_text(name, R"({"images": [{"id": 1}], "categories": [{"id": 1, "name": "two\nlines"}],
    "annotations": [{"id": 0, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "area": 25, "iscrowd": 0}]})");
  write_text(folder / "r.json", "[]");
  const Ran ran = run("evaluate", "--iou bbox --annotations '" + name + "' --results " + (folder / "r.json"));
  CHECK(ran.code == 0);
  CHECK(ran.err.find("have id 0") != std::string::npos);
  for (std::istringstream err(ran.err); !err.eof();)
    if (std::string line; std::getline(err, line)) CHECK(line.starts_with("warning: "));
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
  check_error(run("evaluate", both + "--max-dets 1,10"), "2 limits of detections, 3 expected");
  check_error(run("evaluate", both + "--max-dets 1,x,3"), "--max-dets: x is not an integer");
  check_error(run("evaluate", both + "--area-ranges all:5"), "--area-ranges: all:5 is not name:low:high");
  check_error(run("evaluate", both + "--images " + (folder / "photos")), "is not an id");
  check_error(results(""), "results.json");
  check_error(results("[{\"image_id\": 1, "), "results.json");
  check_error(results("{\"a\": 1}"), "array");
  check_error(results("[{\"image_id\": 1}]"), "category_id");
  check_error(results(R"([{"image_id": 123456, "category_id": 1, "score": 0.5, "bbox": [0, 0, 1, 1]}])"),
              "results.json: record 0: image_id 123456 is not in");
  write_text(folder / "far.json", R"([{"image_id": 26, "category_id": 8, "score": 0.5, "bbox": [0, 0, 1, 1]},
    {"image_id": 26, "category_id": 8, "score": 0.5, "bbox": [1e300, 0, 1, 1]}])");
  check_error(run("evaluate", both + (folder / "far.json")), "far.json: record 1: detection of category 8 with score");
  const Ran unwritable = run("evaluate", both + "--json /dev/null/metrics.json");
  CHECK(unwritable.code == 2);
  CHECK(unwritable.out.empty());
  CHECK(unwritable.err.find("error: /dev/null/metrics.json: cannot be written") != std::string::npos);
  CHECK(!std::filesystem::exists(folder / "out.json"));
}
