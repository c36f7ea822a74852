// Runs the program as a user does.
#include <doctest/doctest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "data/annotations.h"
#include "data/image.h"
#include "tests/apps/run.h"

using namespace sil;
using namespace sil::test;

TEST_CASE("shapes: writes the pictures and a COCO file that agrees with them, and says what it wrote") {
  const Folder folder;
  const std::filesystem::path out = folder.path / "deep" / "er";
  const Ran ran = run("shapes", "--out " + out.string() + " --images 20 --size 48 --seed 7");
  CHECK(ran.code == 0);
  CHECK(ran.err.empty());
  CHECK(ran.out.starts_with((out / "annotations.json").string() + ": 20 pictures of 48 x 48 pixels, "));

  const Annotations all = read_annotations(out / "annotations.json");
  REQUIRE(all.photos.size() == 20);
  REQUIRE(all.categories.size() == 3);
  CHECK(all.categories[0].name == "circle");
  CHECK(all.categories[1].name == "square");
  CHECK(all.categories[2].name == "triangle");
  for (size_t i = 0; i < all.photos.size(); ++i) {
    const ImageInfo info = read_image_info(out / "images" / all.photos[i].file_name);
    CHECK(info.width == 48);
    CHECK(info.height == 48);
    CHECK(all.by_photo[i].size() >= 2);
    CHECK(all.by_photo[i].size() <= 6);
  }
  for (const Annotation& a : all.annotations) {
    const Rle mask = to_rle(a, all.photos[all.photo_row.at(a.image_id)]);
    CHECK(a.bbox == bounding_box(mask));
    CHECK(a.area == double(area(mask)));
    CHECK_FALSE(a.crowd);
  }
}

TEST_CASE("shapes: a seed is a whole number of 64 bits") {
  const Folder folder;
  for (const char* seed : {"18446744073709551616", "-1", "1.5", "x"}) {
    const Ran ran = run("shapes", "--out " + folder / "none" + " --images 1 --seed " + seed);
    CHECK(ran.code == 2);
    CHECK(ran.err.find(std::string(seed) + " is no whole number from 0 to 18446744073709551615") != std::string::npos);
  }
  CHECK(run("shapes", "--out " + folder / "last" + " --images 1 --seed 18446744073709551615").code == 0);
}

TEST_CASE("shapes: one seed gives the same bytes, another seed another set, more pictures the same first ones") {
  const Folder folder;
  const auto make = [&](const std::string& name, const std::string& rest) {
    REQUIRE(run("shapes", "--out " + folder / name + " --size 40 " + rest).code == 0);
    return bytes_of(folder / name + "/annotations.json");
  };
  const auto third = [&](const std::string& name) { return bytes_of(folder / name + "/images/000003.png"); };
  const std::string a = make("a", "--images 5 --seed 1");
  CHECK(make("b", "--images 5 --seed 1") == a);
  CHECK(make("c", "--images 5 --seed 2") != a);
  make("d", "--images 9 --seed 1");
  REQUIRE(!third("a").empty());
  CHECK(third("b") == third("a"));
  CHECK(third("c") != third("a"));
  CHECK(third("d") == third("a"));
}

TEST_CASE("shapes: the number of threads changes nothing") {
  const Folder folder;
  for (const char* threads : {"1", "3"})
    REQUIRE(run("shapes", "--out " + folder / threads + " --images 7 --size 40", std::string("SIL_THREADS=") + threads)
                .code == 0);
  CHECK(bytes_of(folder / "1" + "/annotations.json") == bytes_of(folder / "3" + "/annotations.json"));
  CHECK(bytes_of(folder / "1" + "/images/000007.png") == bytes_of(folder / "3" + "/images/000007.png"));
}

TEST_CASE("shapes: bad arguments and a folder that cannot be written end with 2 and one line") {
  const Folder folder;
  const std::string file = folder / "file", made = folder / "made";
  write_text(file, "in the way");
  for (const auto& [arguments, begins] : std::vector<std::pair<std::string, std::string>>{
           {"", "error: --out is required"},
           {"--out " + made + " --images 0", "error: shapes: images is 0 (1 to 999999 expected)"},
           {"--out " + made + " --size 5000", "error: shapes: size is 5000 (32 to 4096 pixels expected)"},
           {"--out " + made + " --images many", "error: "},
           {"--out " + made + " --colour red", "error: "},
           {"--out " + file, "error: " + file + ": exists already; a new or an empty folder expected"},
           {"--out " + file + "/set", "error: " + file + "/set: cannot be made: Not a directory"}}) {
    const Ran ran = run("shapes", arguments);
    CAPTURE(ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.err.starts_with(begins));
    CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') == 1);
  }
  CHECK_FALSE(std::filesystem::exists(made));
}

TEST_CASE("shapes: a set is not mixed with what a folder holds") {
  const Folder folder;
  REQUIRE(run("shapes", "--images 3 --size 40 --out " + folder / "set").code == 0);
  const std::string before = bytes_of(folder / "set" + "/annotations.json");
  const Ran again = run("shapes", "--images 2 --size 40 --out " + folder / "set");
  CHECK(again.code == 2);
  CHECK(again.err == "error: " + folder / "set" + ": exists already; a new or an empty folder expected\n");
  CHECK(bytes_of(folder / "set" + "/annotations.json") == before);
  CHECK(run("shapes", "--images 2 --out ''").err.starts_with("error: --out is "));
  CHECK(run("shapes", "--images 2 --seed -1 --out " + folder / "new").code == 2);
  CHECK_FALSE(std::filesystem::exists(folder / "new"));
}

TEST_CASE("shapes: a set is there whole or not at all") {
  const Folder folder;
  const Ran full = run("shapes", "--images 3 --size 128 --out " + folder / "set", "ulimit -f 4;");
  CHECK(full.code == 2);
  CHECK(full.err.ends_with(": cannot be written: File too large\n"));
  CHECK(std::filesystem::is_empty(folder.path));

  // Ended from outside while it draws, it leaves no folder of that name, and the same command makes one.
  const Ran ended = run("shapes", "--images 2000 --size 512 --out " + folder / "set", "timeout -s INT 0.3");
  CHECK(ended.code != 0);
  CHECK_FALSE(std::filesystem::exists(folder / "set"));
  CHECK(run("shapes", "--images 3 --size 40 --out " + folder / "set").code == 0);
  std::filesystem::create_directory(folder / "empty");
  CHECK(run("shapes", "--images 3 --size 40 --out " + folder / "empty/").code == 0);
  CHECK(bytes_of(folder / "empty/annotations.json") == bytes_of(folder / "set/annotations.json"));
}

TEST_CASE("shapes: --help teaches") {
  const Ran ran = run("shapes", "--help");
  CHECK(ran.code == 0);
  for (const char* part : {"--out", "--images", "--size", "--seed", "Example: "})
    CHECK(ran.out.find(part) != std::string::npos);
}
