#include "eval/part.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include "tensor/check.h"
#include "tests/folder.h"

using namespace sil;

namespace {

// Photos 1 to 4 with a square each, of two classes.
Annotations squares() {
  Annotations a;
  a.source = "squares.json";
  a.categories = {{7, "seven", ""}, {2, "two", ""}};
  for (int64_t id : {4, 1, 3, 2}) {
    a.photos.push_back({id, fmt::format("{}.png", id), 40, 40});
    Annotation x;
    x.id = 10 + id, x.image_id = id, x.category_id = id % 2 ? 7 : 2;
    x.bbox = {5, 5, 10, 10}, x.has_bbox = true;
    x.area = 100, x.has_area = true;
    x.segmentation = std::vector<Polygon>{{5, 5, 15, 5, 15, 15, 5, 15}};
    a.annotations.push_back(x);
  }
  a.index();
  return a;
}

// Equal scores, so that the order of images shows.
std::vector<Detection> found(int64_t image) {
  std::vector<Detection> out;
  for (double x : {5., 30., 6.}) {
    Detection d;
    d.image_id = image, d.category_id = image % 2 ? 7 : 2, d.score = .5;
    d.bbox = {x, 5, 10, 10}, d.has_bbox = true;
    out.push_back(d);
  }
  return out;
}

std::vector<Detection> found(std::initializer_list<int64_t> images) {
  std::vector<Detection> out;
  for (int64_t image : images)
    for (const Detection& d : found(image)) out.push_back(d);
  return out;
}

Measured measured(const Annotations& a, const std::vector<Detection>& detections, EvaluationOptions options = {}) {
  Evaluation e(a, std::move(options));
  e.add_all(detections);
  return e.measured();
}

std::string error_of(const std::vector<std::filesystem::path>& paths) {
  try {
    merge_parts(paths);
  } catch (const Error& e) {
    return e.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("part: what was written reads back to the same bytes") {
  const Annotations a = squares();
  for (EvaluationOptions options : {EvaluationOptions{}, {.segm = false, .torchmetrics = false}, {.bbox = false}}) {
    const Measured m = measured(a, found({1, 2, 3}), options);
    CHECK(to_bytes(measured_from(to_bytes(m), "part")) == to_bytes(m));
    CHECK(to_json(measured_from(to_bytes(m), "part").metrics()) == to_json(m.metrics()));
  }
}

TEST_CASE("part: merged in any order, parts give the bits of one run") {
  const Annotations a = squares();
  const test::Folder folder("part");
  std::vector<std::filesystem::path> paths{folder.path / "a", folder.path / "b", folder.path / "c"};
  write_part(paths[0], measured(a, found({3})));  // photo 4 has detections in none
  write_part(paths[1], measured(a, found({1, 2})));
  write_part(paths[2], measured(a, {}));
  const std::string whole = to_json(measured(a, found({3, 1, 2})).metrics());
  std::ranges::sort(paths);
  do CHECK(to_json(merge_parts(paths).metrics()) == whole);
  while (std::ranges::next_permutation(paths).found);
}

TEST_CASE("part: parts that do not fit are refused, both files named") {
  const Annotations a = squares();
  const test::Folder folder("part");
  const auto part = [&](const char* name, const Measured& m) {
    write_part(folder.path / name, m);
    return folder.path / name;
  };
  const auto one = part("one", measured(a, found({1}))), two = part("two", measured(a, found({2, 1})));
  const auto other = part("other", measured(a, found({3})));
  const std::string both = one.string() + " and " + two.string() + ": ";
  CHECK(error_of({one, other, two}) == both + "evaluator: both parts have detections of image 1");

  std::vector<Detection> masks = found(4);
  for (Detection& d : masks) d.has_bbox = false, d.segmentation = rectangle({5, 5, 10, 10}, 40, 40);
  const auto of_masks = part("masks", measured(a, masks));
  CHECK(error_of({one, of_masks}).find("one part takes the area of detections from their boxes") != std::string::npos);
  const auto boxes = part("boxes", measured(a, found({4}), {.segm = false}));
  CHECK(error_of({one, boxes}).find("only parts of the same IoU types merge") != std::string::npos);
  EvaluationOptions options;
  options.protocol.max_detections = {1, 2, 3};
  CHECK(error_of({one, part("few", measured(a, found({4}), options))}).find("same categories and protocols") !=
        std::string::npos);
}

TEST_CASE("part: a file that is foreign, truncated, damaged or of another version is one clear error") {
  const Annotations a = squares();
  const test::Folder folder("part");
  const auto path = folder.path / "part";
  write_part(path, measured(a, found({1, 2})));
  const std::string whole = test::bytes_of(path);
  const auto with = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    return error_of({path});
  };
  CHECK(with(whole) == "none");
  CHECK(with("{}").find("part: is no part of an evaluation") != std::string::npos);
  for (size_t size = 0; size < whole.size(); size += 7) CHECK(with(whole.substr(0, size)) != "none");
  CHECK(with(whole + "x").find("it is not whole") != std::string::npos);
  std::string damaged = whole;
  damaged[whole.size() / 2] ^= 1;
  CHECK(with(damaged).find("is damaged") != std::string::npos);
  std::string newer = whole;
  newer[8] = 2;
  CHECK(with(newer).find("a part of format 2; 1 expected") != std::string::npos);
  const std::string bytes = whole.substr(24);  // any change that gets past the checksum is an error or a part
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string wrong = bytes;
    wrong[i] = char(wrong[i] ^ 0x81);
    try {
      measured_from(wrong, "part");
    } catch (const Error&) {
    }
  }
}
