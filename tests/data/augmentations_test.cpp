#include "data/augmentations.h"

#include <doctest/doctest.h>

#include "data/json_value.h"
#include "tests/folder.h"

using namespace sil;
using sil::test::error_of;

namespace {

Augmentations parse(const std::string& json) { return parse_augmentations(parse_json(json, "a.json"), "a.json"); }

std::string refused(const std::string& json) {
  return error_of([&] { parse(json); });
}

}  // namespace

TEST_CASE("augmentations: the standard file is the default") {
  const char* standard = R"([{"name": "RandomHorizontalFlip", "params": {"p": 0.5}},
    {"name": "RandomPhotometricDistort", "params": {}},
    {"name": "Resize", "params": {"size": [800, 800]}},
    {"name": "ToImage", "params": {}},
    {"name": "Normalize", "params": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}}])";
  CHECK(parse(standard) == default_augmentations());
}

TEST_CASE("augmentations: every parameter is read, the order is kept, and written text reads back") {
  const Augmentations list = parse(
      R"([{"name": "Resize", "params": {"size": [20, 30]}}, {"name": "ToImage"},
          {"name": "Normalize", "params": {"mean": [0, 0.25, 1], "std": [1, 2, 3]}},
          {"name": "RandomHorizontalFlip", "params": {"p": 0.125}}])");
  CHECK(list ==
        Augmentations{Resize{20, 30}, ToImage{}, Normalize{{0, 0.25f, 1}, {1, 2, 3}}, RandomHorizontalFlip{0.125}});
  CHECK(parse(to_json(list)) == list);

  const Augmentations distort = parse(
      R"([{"name": "RandomPhotometricDistort", "params": {"brightness": [0.1, 0.2], "contrast": [1, 1], "saturation": [0, 3],
           "hue": [-0.5, 0.1], "p": 1}}])");
  CHECK(distort == Augmentations{RandomPhotometricDistort{{0.1, 0.2}, {1, 1}, {0, 3}, {-0.5, 0.1}, 1}});
  CHECK(parse(to_json(distort)) == distort);
  CHECK(parse(to_json(default_augmentations())) == default_augmentations());
  CHECK(parse("[]").empty());
}

TEST_CASE("augmentations: what is wrong is named with what is allowed") {
  CHECK(refused("[") == "a.json: not JSON at line 1, column 2: Invalid value.");
  CHECK(refused("{}") == "a.json: the augmentations are an object; a list of {\"name\", \"params\"} expected");
  CHECK(refused("[3]") == "a.json: augmentation 1 is 3; {\"name\": ..., \"params\": {...}} expected");
  CHECK(refused(R"([{"params": {}}])") == "a.json: augmentation 1: name is missing or no string");
  CHECK(refused(R"([{"name": "ToImage", "parms": {}}])") ==
        "a.json: augmentation 1: unknown key \"parms\"; allowed: name, params");
  CHECK(refused(R"([{"name": "ToImage"}, {"name": "RandomCrop"}])") ==
        "a.json: augmentation 2 (RandomCrop): unknown name \"RandomCrop\"; allowed: RandomHorizontalFlip, "
        "RandomPhotometricDistort, Resize, ToImage, Normalize");
  CHECK(refused(R"([{"name": "ToImage", "params": []}])") ==
        "a.json: augmentation 1 (ToImage): params is []; an object expected");
  CHECK(refused(R"([{"name": "ToImage", "params": {"p": 1}}])") ==
        "a.json: augmentation 1 (ToImage): unknown key \"p\"; allowed: none");
  CHECK(refused(R"([{"name": "RandomHorizontalFlip", "params": {"prob": 1}}])") ==
        "a.json: augmentation 1 (RandomHorizontalFlip): unknown key \"prob\"; allowed: p");
  for (const char* p : {"1.5", "-0.1", "\"half\"", "null", "[0.5]"})
    CHECK(refused(fmt::format(R"([{{"name": "RandomHorizontalFlip", "params": {{"p": {}}}}}])", p)) ==
          fmt::format("a.json: augmentation 1 (RandomHorizontalFlip): p is {}; a number from 0 to 1 expected", p));
  CHECK(refused(R"([{"name": "Resize"}])") ==
        "a.json: augmentation 1 (Resize): size is missing; [height, width] expected");
  for (const char* size : {"800", "[800]", "[800,0]", "[800,2.5]", "[800,\"800\"]", "[1,2,3]", "[20000,8]"})
    CHECK(
        refused(fmt::format(R"([{{"name": "Resize", "params": {{"size": {}}}}}])", size)) ==
        fmt::format("a.json: augmentation 1 (Resize): size is {}; [height, width], integers from 1 to 16384, expected",
                    size));
  CHECK(refused(R"([{"name": "ToImage"}, {"name": "Normalize", "params": {"std": [1, 0, 1]}}])") ==
        "a.json: augmentation 2 (Normalize): std is [1,0,1]; three numbers above 0 (red, green, blue) expected");
  CHECK(refused(R"([{"name": "ToImage"}, {"name": "Normalize", "params": {"mean": 0.5}}])") ==
        "a.json: augmentation 2 (Normalize): mean is 0.5; three numbers (red, green, blue) expected");
  CHECK(refused(R"([{"name": "RandomPhotometricDistort", "params": {"hue": [-0.6, 0]}}])") ==
        "a.json: augmentation 1 (RandomPhotometricDistort): hue is [-0.6,0]; [low, high] with -0.5 <= low <= high <= "
        "0.5 expected");
  CHECK(
      refused(R"([{"name": "RandomPhotometricDistort", "params": {"contrast": [2, 1]}}])") ==
      "a.json: augmentation 1 (RandomPhotometricDistort): contrast is [2,1]; [low, high] with 0 <= low <= high <= 100 "
      "expected");
}

TEST_CASE("augmentations: a key given twice is an error, in an entry and in its params") {
  CHECK(refused(R"([{"name": "ToImage", "name": "ToImage"}])") == "a.json: augmentation 1: name is given twice");
  CHECK(refused(R"([{"name": "ToImage", "params": {}, "params": {}}])") ==
        "a.json: augmentation 1: params is given twice");
  CHECK(refused(R"([{"name": "RandomHorizontalFlip", "params": {"p": 0.1, "p": 0.2}}])") ==
        "a.json: augmentation 1 (RandomHorizontalFlip): p is given twice");
}

TEST_CASE("augmentations: an order that cannot work is refused") {
  CHECK(refused(R"([{"name": "Normalize"}])") ==
        "a.json: augmentation 1 (Normalize): it stands before ToImage, which makes the floats that it needs");
  CHECK(refused(R"([{"name": "ToImage"}, {"name": "Resize", "params": {"size": [8, 8]}}])") ==
        "a.json: augmentation 2 (Resize): it stands after ToImage, and works on bytes; put it before");
  CHECK(
      refused(R"([{"name": "ToImage"}, {"name": "RandomPhotometricDistort"}])") ==
      "a.json: augmentation 2 (RandomPhotometricDistort): it stands after ToImage, and works on bytes; put it before");
  CHECK(refused(R"([{"name": "ToImage"}, {"name": "ToImage"}])") ==
        "a.json: augmentation 2 (ToImage): it occurs twice");
}

TEST_CASE("augmentations: a list nested a million deep is an error, not a crash") {
  CHECK(refused(std::string(1000000, '[')).starts_with("a.json: not JSON"));
  CHECK(
      refused(R"([{"name": "Resize", "params": {"size": )" + std::string(100000, '[') + std::string(100000, ']') +
              "}}]") ==
      "a.json: augmentation 1 (Resize): size is a list of lists or objects; [height, width], integers from 1 to 16384, "
      "expected");
}
