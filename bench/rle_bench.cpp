// Times the mask functions on the masks of a folder, one thread; bench/compare_rle.py makes the folder and runs
// pycocotools beside this.  What pycocotools does from and to strings is from and to strings here.
//   rle_bench FOLDER        height and width, strings, polygons: one a line;  prints "function milliseconds checksum"
#include <fmt/core.h>

#include <array>
#include <ctime>
#include <fstream>
#include <memory>
#include <sstream>

#include "data/boundary.h"
#include "data/contour.h"
#include "data/rle.h"
#include "tensor/check.h"

namespace {

using sil::Rle;

struct Input {
  int64_t height = 0, width = 0;
  std::vector<std::string> strings;
  std::vector<sil::Polygon> polygons;
  std::vector<Rle> masks;
};

Input read(const std::string& folder) {
  Input in;
  std::ifstream strings(folder + "/strings.txt"), polygons(folder + "/polygons.txt");
  sil::check(strings && polygons, "{}: strings.txt and polygons.txt expected", folder);
  strings >> in.height >> in.width;
  for (std::string text; strings >> text;) in.strings.push_back(text);
  for (std::string line; std::getline(polygons, line);) {
    std::istringstream numbers(line);
    in.polygons.emplace_back();
    for (double v; numbers >> v;) in.polygons.back().push_back(v);
  }
  for (const std::string& s : in.strings) in.masks.push_back(sil::from_string(s, in.height, in.width));
  return in;
}

double cpu_milliseconds() { return double(std::clock()) * 1e3 / double(CLOCKS_PER_SEC); }

// Of all masks.  The sum keeps the work from being left out, and is the same for pycocotools.
template <class F>
void time(const char* name, F work) {
  const double begin = cpu_milliseconds();
  const double sum = work();
  fmt::print("{} {:.3f} {:.17g}\n", name, cpu_milliseconds() - begin, sum);
}

void time_pixels(const Input& in) {
  std::vector<uint8_t> columns(size_t(in.height * in.width));
  double encoding = 0, text = 0;
  for (const Rle& mask : in.masks) {  // one after the other, as 300 MB of pixels at once would time the memory
    sil::decode_columns(mask, columns.data());
    const double begin = cpu_milliseconds();
    text += double(sil::to_string(sil::encode_columns(columns.data(), in.height, in.width)).size());
    encoding += cpu_milliseconds() - begin;
  }
  fmt::print("encode {:.3f} {:.17g}\n", encoding, text);
  encoding = text = 0;
  for (const Rle& mask : in.masks) {
    const sil::Tensor pixels = sil::decode(mask);
    const double begin = cpu_milliseconds();
    text += double(sil::to_string(sil::encode(pixels)).size());
    encoding += cpu_milliseconds() - begin;
  }
  fmt::print("encode_rows {:.3f} {:.17g}\n", encoding, text);
  time("decode", [&] {
    double sum = 0;
    for (const std::string& s : in.strings) {
      const auto pixels = std::make_unique_for_overwrite<uint8_t[]>(size_t(in.height * in.width));
      sil::decode_columns(sil::from_string(s, in.height, in.width), pixels.get());
      sum += pixels[size_t(in.height * in.width / 2)];
    }
    return sum;
  });
  time("decode_rows", [&] {
    double sum = 0;
    for (const std::string& s : in.strings)
      sum += sil::decode(sil::from_string(s, in.height, in.width)).data<uint8_t>()[in.width / 2];
    return sum;
  });
}

void time_runs(const Input& in) {
  const int64_t h = in.height, w = in.width;
  const auto& s = in.strings;
  time("merge", [&] {
    double sum = 0;
    for (size_t i = 0; i < s.size(); ++i) {
      const std::array<Rle, 2> two{sil::from_string(s[i], h, w), sil::from_string(s[(i + 1) % s.size()], h, w)};
      sum += double(sil::to_string(sil::merge(two)).size());
    }
    return sum;
  });
  time("iou", [&] {
    std::vector<Rle> masks;
    std::vector<sil::Extent> extents;
    for (const std::string& text : s) extents.push_back(extent(masks.emplace_back(sil::from_string(text, h, w))));
    double sum = 0;
    for (size_t g = 0; g < std::min<size_t>(50, s.size()); ++g)
      for (size_t d = 0; d < s.size(); ++d) sum += sil::iou(masks[d], extents[d], masks[g], extents[g], false);
    return sum;
  });
  std::vector<uint32_t> counts;
  const auto each = [&](auto f) {
    double sum = 0;
    for (const std::string& text : s) {
      counts.clear();
      sil::append_string(text, h, w, counts);
      sum += f(sil::RleView(h, w, counts));
    }
    return sum;
  };
  time("area", [&] { return each([](sil::RleView mask) { return double(sil::area(mask)); }); });
  time("box", [&] { return each([](sil::RleView mask) { return sil::bounding_box(mask)[2]; }); });
  time("string", [&] { return each([](sil::RleView mask) { return double(sil::to_string(mask).size()); }); });
  time("polygon", [&] {
    double sum = 0;
    for (const sil::Polygon& p : in.polygons) sum += double(sil::to_string(sil::rasterise(p, h, w)).size());
    return sum;
  });
  time("rectangle", [&] {
    double sum = 0;
    for (const Rle& mask : in.masks)
      sum += double(sil::to_string(sil::rectangle(sil::bounding_box(mask), h, w)).size());
    return sum;
  });
  time("boundary", [&] {
    double sum = 0;
    for (const Rle& mask : in.masks) sum += double(sil::area(sil::boundary(mask)));
    return sum;
  });
  time("contours", [&] {
    double sum = 0;
    for (const Rle& mask : in.masks) sum += double(sil::to_polygons(mask).size());
    return sum;
  });
}

}  // namespace

int main(int argc, char** argv) {
  try {
    sil::check(argc == 2, "usage: rle_bench FOLDER");
    const Input in = read(argv[1]);
    time_pixels(in);
    time_runs(in);
  } catch (const sil::Error& e) {
    fmt::print(stderr, "error: {}\n", e.what());
    return 2;
  }
}
