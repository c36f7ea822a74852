// Broken files and odd parameters, as pycocotools has them: tests/golden/evaluate, made by compare_nasty.py.
#include <doctest/doctest.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "tests/apps/run.h"

using namespace sil;
using namespace sil::test;

namespace {

namespace fs = std::filesystem;

uint32_t crc32(const std::string& bytes) {
  uint32_t c = ~0u;
  for (const char byte : bytes) {
    c ^= uint8_t(byte);
    for (int i = 0; i < 8; ++i) c = c & 1 ? c >> 1 ^ 0xEDB88320u : c >> 1;
  }
  return ~c;
}

// The numbers of one array of a stored .npz, which stand last in its .npy; NaN as numpy has it.
std::string array_of(const std::string& npz, const std::string& name) {
  const size_t at = npz.find(name + ".npy");
  uint32_t size = 0;
  std::memcpy(&size, npz.data() + at - 30 + 18, sizeof size);
  const std::string npy = npz.substr(at + name.size() + 4, size);
  std::string numbers = npy.substr(10 + uint8_t(npy[8]) + 256u * uint8_t(npy[9]));
  for (size_t i = 0; i + 8 <= numbers.size(); i += 8) {
    double x;
    std::memcpy(&x, numbers.data() + i, 8);
    if (x != x) std::memcpy(numbers.data() + i, "\0\0\0\0\0\0\xf8\x7f", 8);
  }
  return numbers;
}

// The lines of expected.txt of one IoU type, by name.
std::map<std::string, std::string> expected(const fs::path& folder, const std::string& type) {
  std::map<std::string, std::string> out;
  std::istringstream file(bytes_of(folder / "expected.txt"));
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string of, name, value;
    words >> of >> name >> value;
    if (of == type) out[name] = value;
  }
  return out;
}

void compare(const fs::path& folder, const std::string& type) {
  const Folder made;
  std::string flags = bytes_of(folder / "flags.txt");
  std::ranges::replace(flags, '\n', ' ');
  const Ran ran = run("evaluate", "--annotations " + (folder / "annotations.json").string() + " --results " +
                                      (folder / "results.json").string() + " --iou " + type + " " + flags + " --json " +
                                      (made / "m.json") + " --arrays " + (made / "a.npz"));
  INFO(ran.err);
  const auto wanted = expected(folder, type);
  if (wanted.contains("raises")) {
    CHECK(ran.code == 2);
    CHECK(ran.err.find("error: ") != std::string::npos);
    CHECK(!fs::exists(made / "m.json"));
    return;
  }
  REQUIRE(ran.code == 0);
  const std::string npz = bytes_of(made / "a.npz");
  rapidjson::Document json;
  json.Parse<rapidjson::kParseFullPrecisionFlag>(bytes_of(made / "m.json").c_str());
  REQUIRE(!json.HasParseError());
  REQUIRE(wanted.size() == 15);
  for (const auto& [name, value] : wanted) {
    INFO(name);
    if (name == "precision" || name == "recall" || name == "scores")
      CHECK(std::to_string(crc32(array_of(npz, name))) == value);
    else
      CHECK(json[type.c_str()][name.c_str()].GetDouble() == std::strtod(value.c_str(), nullptr));
  }
}

}  // namespace

TEST_CASE("evaluate: every array and number of pycocotools on broken files, with any parameters, to the last bit") {
  size_t cases = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(SIL_SOURCE_DIR) / "tests/golden/evaluate")) {
    for (const char* type : {"bbox", "segm"}) {
      INFO(entry.path().string(), " ", type);
      compare(entry.path(), type);
    }
    ++cases;
  }
  CHECK(cases >= 50);
}
