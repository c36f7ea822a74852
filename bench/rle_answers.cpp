// What the mask functions answer, for tests/reference/compare_rle.py to hold against pycocotools: a line of answers for
// each line of input.
//   pair HEIGHT WIDTH RUNS RUNS     compressed strings
//   polygon HEIGHT WIDTH X Y X Y ...
//   box HEIGHT WIDTH X Y W H
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <sstream>

#include "data/contour.h"
#include "data/rle.h"
#include "tensor/check.h"

namespace {

using sil::Rle;

constexpr int64_t kMostPixels = 1 << 26;  // of masks that are laid out

std::string answers(const Rle& mask) {
  std::string text = fmt::format("{} {} {}", to_string(mask), area(mask), fmt::join(bounding_box(mask), " "));
  if (mask.height * mask.width <= kMostPixels) {
    std::vector<uint8_t> columns(size_t(mask.height * mask.width));
    decode_columns(mask, columns.data());
    sil::check(sil::encode(decode(mask)) == sil::encode_columns(columns.data(), mask.height, mask.width),
               "by rows and by columns differ");
    text += ' ' + to_string(sil::encode_columns(columns.data(), mask.height, mask.width));
    const Rle back = sil::rasterise(to_polygons(mask), mask.height, mask.width);
    sil::check(back == sil::encode(decode(mask)), "the contours are of another mask");
  }
  return text;
}

std::string pair(const Rle& a, const Rle& b) {
  const std::vector<Rle> both{a, b};
  return fmt::format("{} {} {:a} {:a} {} {}", answers(a), answers(b), iou(a, b, false), iou(a, b, true),
                     to_string(sil::merge(both)), to_string(sil::merge(both, true)));
}

std::string answer(std::istringstream& words) {
  std::string what, first, second;
  int64_t height = 0, width = 0;
  words >> what >> height >> width;
  if (what == "pair") {
    words >> first >> second;
    return pair(sil::from_string(first, height, width), sil::from_string(second, height, width));
  }
  sil::Polygon numbers;
  for (double v; words >> v;) numbers.push_back(v);
  if (what == "box")
    return to_string(sil::rectangle({numbers.at(0), numbers.at(1), numbers.at(2), numbers.at(3)}, height, width));
  return to_string(sil::rasterise(numbers, height, width));
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    try {
      fmt::print("{}\n", answer(words));
    } catch (const sil::Error& e) {
      fmt::print("error: {}\n", e.what());
    }
  }
}
