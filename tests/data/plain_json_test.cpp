// The reader of plain records beside the reader of all JSON: a key with an escape sends a record to the latter.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <fstream>

#include "data/annotations.h"
#include "data/json_reader.h"
#include "golden.h"

using namespace sil;
namespace fs = std::filesystem;

namespace {

const std::string kEscaped = R"("\u0078": 0, )";  // a key x
const std::string kSpaces(kEscaped.size(), ' ');

fs::path write_file(const TempFolder& temp, const std::string& text) {
  const fs::path path = temp.path / "f.json";
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

std::string shown(const Segmentation& s) {
  std::string out;
  if (const auto* mask = std::get_if<Rle>(&s)) {
    out = fmt::format("runs {} {}", mask->height, mask->width);
    for (const uint32_t n : mask->counts) out += fmt::format(" {}", n);
  } else if (const auto* parts = std::get_if<std::vector<Polygon>>(&s)) {
    out = "parts";
    for (const Polygon& part : *parts) {
      out += " [";
      for (const double v : part) out += fmt::format(" {:x}", std::bit_cast<uint64_t>(v));
    }
  }
  return out;
}

std::string shown(const std::array<double, 4>& box) {
  std::string out;
  for (const double v : box) out += fmt::format(" {:x}", std::bit_cast<uint64_t>(v));
  return out;
}

// What a results file holds, to the bit; or the error.
std::string read_detections(const std::string& text) {
  const TempFolder temp;
  try {
    std::string out;
    for (const Detection& d : read_results(write_file(temp, text)))
      out += fmt::format("{} {} {:x} {}{} {}\n", d.image_id, d.category_id, std::bit_cast<uint64_t>(d.score),
                         d.has_bbox, d.has_bbox ? shown(d.bbox) : "", shown(d.segmentation));
    return out;
  } catch (const Error& e) {
    return std::string(e.what()).substr(temp.path.string().size());
  }
}

std::string read_annotation(const std::string& record) {
  const TempFolder temp;
  try {
    std::string out;
    const Annotations all = read_annotations(
        write_file(temp, R"({"images": [{"id": 1, "width": 5, "height": 4}], "annotations": [)" + record + "]}"));
    for (const Annotation& a : all.annotations)
      out += fmt::format("{} {} {} {} {}{} {} {:x} {}\n", a.id, a.image_id, a.category_id, a.crowd, a.has_bbox,
                         shown(a.bbox), a.has_area, std::bit_cast<uint64_t>(a.area), shown(a.segmentation));
    return out;
  } catch (const Error& e) {
    return std::string(e.what()).substr(temp.path.string().size());
  }
}

// A record's inside, read as it stands and by the general reader: the same, errors and their columns too.
template <class F>
std::string read_both_ways(F read, const std::string& inside) {
  const std::string plain = read("{" + kSpaces + inside), general = read("{" + kEscaped + inside);
  CAPTURE(inside);
  CHECK(plain == general);
  return plain;
}

std::string detection(const std::string& inside) {
  return read_both_ways([](const std::string& record) { return read_detections("[" + record + "]"); }, inside);
}

}  // namespace

TEST_CASE("plain json: numbers are those of Python's json.loads, or wrong as there") {
  std::ifstream lines(golden::folder() / "numbers.txt");
  size_t right = 0, wrong = 0;
  for (std::string text, bits; lines >> text >> bits;) {
    CAPTURE(text);
    const std::string found = detection(R"("image_id": 1, "category_id": 2, "score": )" + text + "}");
    if (bits == "invalid") {
      CHECK(found.find("not JSON") != std::string::npos);
      ++wrong;
    } else if (bits == "nan") {
      CHECK(found.starts_with("1 2 7ff8"));
    } else {
      uint64_t value = std::stoull(bits, nullptr, 16);
      if (text == "-0") value = uint64_t(1) << 63;  // Python's is the integer 0; as a score it is the same
      CHECK(found == fmt::format("1 2 {:x} false \n", value));
      ++right;
    }
  }
  CHECK(right > 300);
  CHECK(wrong > 15);
}

TEST_CASE("plain json: any record is read as the general reader reads it") {
  const std::string head = R"("image_id": 7, "category_id": 3, "score": 0.5)";
  for (const std::string rest : {
           R"(})",
           R"(, "bbox": [1, 2.5, -3e2, 4]})",
           R"(, "image_id": 123456789012345678901234567890})",
           R"(, "bbox": []})",
           R"(, "bbox": null})",
           R"(, "bbox": [1, 2, 3]})",
           R"(, "bbox": [1, 2, 3, 4, 5]})",
           R"(, "bbox": [1, 2, 3, "4"]})",
           R"(, "segmentation": {"size": [10, 20], "counts": ":5i5"}})",
           R"(, "segmentation": {"counts": ":5i5", "size": [10, 20]}})",
           R"(, "segmentation": {"counts": ":5i\u0035", "size": [10, 20]}})",
           R"(, "segmentation": {"counts": ":5i5", "size": [10, 21]}})",
           R"(, "segmentation": {"counts": ":5i5", "size": [10.0, 20]}})",
           R"(, "segmentation": {"counts": ":5i", "size": [10, 20]}})",
           R"(, "segmentation": {"counts": ":5i5", "counts": "X6", "size": [10, 20]}})",
           R"(, "segmentation": {"counts": "l5\\0", "size": [10, 20]}})",
           R"(, "segmentation": {"counts": "\\\\\\\\1", "size": [1000, 10000]}})",
           R"(, "segmentation": {"counts": "o\u007f", "size": [10, 20]}})",
           R"(, "segmentation": {"counts": "PPPPPPPPPPPPP1", "size": [10, 20]}})",
           R"(, "segmentation": {"counts": "", "size": [0, 20]}})",
           R"(, "segmentation": {"counts": [10, 5, 185], "size": [10, 20]}})",
           R"(, "segmentation": {"size": [-1, 20], "counts": ""}})",
           R"(, "segmentation": {"size": [16777217, 1], "counts": ""}})",
           R"(, "segmentation": [[1, 2, 3, 4, 5, 6], [1.5, 2, 3, 4]]})",
           R"(, "segmentation": []})",
           R"(, "segmentation": null})",
           R"(, "segmentation": "x"})",
           R"(, "image_id": 8, "score": 0.25, "bbox": [1, 2, 3, 4], "bbox": [5, 6, 7, 8]})",
           R"(, "bbox": [1, 2, 3, 4], "bbox": []})",
           R"(, "id": 5, "caption": "a \"b\" }, {", "x": {"y": [{}, {}]}, "z": null})",
           R"(, "file_name": "é", "t": true})",
           R"(, "image_id": 8.0})",
           R"(, "image_id": 8.5})",
           R"(, "image_id": -9223372036854775808})",
           R"(, "image_id": 9223372036854775808})",
           R"(, "image_id": "8"})",
           R"(, "image_id": 08})",
           R"(, "image_id" : 9 , "score":1 } )",
           R"(, "score": 1)",
           R"(, "score": 1,})",
           R"(, "score" 1})",
           R"(, score: 1})",
           R"(, "score": tru})",
       })
    detection(head + rest);
  CHECK(detection(head + R"(, "segmentation": {"counts": ":5i5", "size": [10, 20]}})") ==
        "7 3 3fe0000000000000 false runs 10 20 10 5 185\n");
  CHECK(detection(head + R"(, "image_id": 8, "score": 0.25})") == "8 3 3fd0000000000000 false \n");
}

TEST_CASE("plain json: any annotation is read as the general reader reads it") {
  const std::string head = R"("id": 5, "image_id": 7, "category_id": 3)";
  for (
      const std::string rest : {
          R"(})",
          R"(, "bbox": [1, 2.5, 3, 4], "area": 12.25, "iscrowd": 0, "segmentation": [[1, 1, 5, 1, 5, 5], [0, 0, 2, 0]]})",
          R"(, "segmentation": [[], [1]]})",
          R"(, "segmentation": [[1, 2], "x"]})",
          R"(, "segmentation": []})",
          R"(, "segmentation": {"size": [10, 20], "counts": ":5i5"}, "iscrowd": 1})",
          R"(, "segmentation": {"size": [10, 20], "counts": [10, 5, 185]}, "iscrowd": true})",
          R"(, "segmentation": {"size": [10, 20], "counts": [10, 5, 18]}})",
          R"(, "segmentation": null, "iscrowd": 2})",
          R"(, "area": "big"})",
          R"(, "area": NaN})",
          R"(, "segmentation": [[1, 2, 3, 4, 5, 6]], "segmentation": []})",
          R"(, "segmentation": {"size": [10, 20], "counts": ":5i5"}, "segmentation": [[1, 2, 3, 4, 5, 6]]})",
          R"(, "extra": {"x": [1]}, "id": 6})",
      })
    read_both_ways(read_annotation, head + rest);
}

TEST_CASE("results: files longer than a thread's stretch are read in order") {
  std::string text = "[", expected;
  const auto add = [&](const std::string& more) {
    const size_t i = size_t(std::count(expected.begin(), expected.end(), '\n'));
    text += fmt::format(R"({}{{"image_id": {}, "category_id": 2, "score": 0.5{}}})", i ? ",\n" : "", i, more);
    expected += fmt::format("{} 2 3fe0000000000000 false \n", i);
  };
  // What looks like the space between records: inside strings and lists, now and then over many stretches.
  const std::string bait = R"({"image_id": 1, "category_id": 1, "score": 1}, )";
  while (text.size() < 6'000'000) {
    add("");
    add(R"(, "note": "}, {\"image_id\": 3}, {")");
    add(R"(, "list": [)" + bait + bait + "{}]");
    if (expected.size() % 7 == 0) add(R"(, "pad": ")" + std::string(700'000, 'x') + '"');
    if (expected.size() % 5 == 0) {
      std::string list;
      for (int i = 0; i < 20'000; ++i) list += bait;
      add(R"(, "list": [)" + list + "{}]");
    }
    for (int i = 0; i < 200; ++i) add("");
  }
  CHECK(read_detections(text + "]") == expected);

  const size_t count = size_t(std::count(expected.begin(), expected.end(), '\n'));
  const std::string wrong = text + R"(, {"image_id": 1, "category_id": 2}, )" + text.substr(1) + "]";
  CHECK(read_detections(wrong).find(fmt::format("detection [{}]: key score is missing", count)) != std::string::npos);
  CHECK(read_detections(text).find("not JSON: the file ends") != std::string::npos);
}
