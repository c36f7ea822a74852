// What all programs share, run as a user does.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/apps/run.h"

using namespace sil;
using namespace sil::test;

namespace {

void make_shapes(const Folder& folder) {
  REQUIRE(run("shapes", "--images 2 --size 32 --out " + (folder / "set")).code == 0);
}

std::string doctor_on(const Folder& folder) {
  return "--annotations " + (folder / "set/annotations.json") + " --images " + (folder / "set/images");
}

}  // namespace

// The first file that is opened would get the free number, and what is printed would go into it.
TEST_CASE("program: with its standard streams closed nothing is printed into a file") {
  const Folder folder;
  make_shapes(folder);
  const std::string json = folder / "findings.json", script = folder / "script";
  write_text(script, std::string("exec \"$@\" <&- >&- 2>&-\n"));
  const char* program = "doctor";
  const std::string command = "sh " + script + " " + SIL_BIN_DIR + "/" + program + " " + doctor_on(folder) + " --json ";
  CHECK(WEXITSTATUS(std::system((command + json).c_str())) == 2);  // standard output cannot be written
  REQUIRE(run(program, doctor_on(folder) + " --json " + (folder / "open.json")).code == 0);
  CHECK(bytes_of(json) == bytes_of(folder / "open.json"));
}

TEST_CASE("program: help that cannot be printed is an error") {
  const std::string command = std::string(SIL_BIN_DIR) + "/shapes --help >/dev/full 2>/dev/null";
  CHECK(WEXITSTATUS(std::system(command.c_str())) == 2);
}

TEST_CASE("program: NaN is in no range") {
  const Ran ran = run("convert", "checkpoint --weights w --out o.pth --bn-eps nan");
  CHECK(ran.code == 2);
  CHECK(contains(ran.err, "--bn-eps: nan is no number from 0 to 1"));
}

TEST_CASE("program: an error about a name with a line break is one line") {
  const Folder folder;
  const Ran ran = run("convert", "rle --annotations '" + (folder / "new\nline") + "' --out " + (folder / "x"));
  CHECK(ran.code == 2);
  CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') == 1);
}

// A terminal would write what follows over the line's begin.
TEST_CASE("program: an error about a name with a carriage return is one line") {
  const Folder folder;
  const Ran ran = run("convert", "rle --annotations '" + (folder / "new\rerror: line") + "' --out " + (folder / "x"));
  CHECK(ran.code == 2);
  CHECK(std::count(ran.err.begin(), ran.err.end(), '\r') == 0);
  CHECK(contains(ran.err, "new error: line"));
}

TEST_CASE("convert: an outline that cannot become pixels is told with its file") {
  const Folder folder;
  make_shapes(folder);
  const std::string set = folder / "set/annotations.json";
  write_text(set, R"({"images": [{"id": 1, "file_name": "000001.png", "width": 32, "height": 32}],
    "annotations": [{"id": 7, "image_id": 1, "category_id": 1, "bbox": [0, 0, 4, 4], "segmentation": [[0, 0, 4, 4]]}],
    "categories": [{"id": 1, "name": "a"}]})");
  const std::string wanted =
      "error: " + set + ": 000001.png: annotation 7: polygon 0 has 2 points; 3 or more expected\n";
  CHECK(run("convert", "rle --annotations " + set + " --out " + (folder / "x")).err == wanted);
  CHECK(run("convert",
            "coco-to-labels --annotations " + set + " --images " + (folder / "set/images") + " --out " + (folder / "y"))
            .err == wanted);
}
