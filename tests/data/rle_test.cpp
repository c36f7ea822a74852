#include "data/rle.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "golden.h"
#include "tensor/check.h"

using namespace sil;

namespace {

Rle mask_of(const golden::Case& c, const std::string& key = "string") {
  return from_string(c.texts.at(key), c.integer("height"), c.integer("width"));
}

std::vector<double> counts_of(const Rle& mask) { return {mask.counts.begin(), mask.counts.end()}; }

std::array<double, 4> box_of(const golden::Case& c, const std::string& key) {
  const std::vector<double>& v = c.lists.at(key).at(0);
  return {v.at(0), v.at(1), v.at(2), v.at(3)};
}

// The rasteriser's rule, every step of every edge: the plain way, and the reference for the quick one.
Rle rasterise_step_by_step(const Polygon& outline, int64_t height, int64_t width) {
  std::vector<uint8_t> toggles(size_t(height * width) + 1);
  const size_t corners = outline.size() / 2;
  for (size_t i = 0; i < corners; ++i) {
    const size_t j = (i + 1) % corners;
    std::array<double, 4> ends{outline[2 * i], outline[2 * i + 1], outline[2 * j], outline[2 * j + 1]};
    for (double& v : ends) v = std::trunc(5 * v + .5);
    auto [ax, ay, bx, by] = ends;
    const double steps = std::max(std::abs(bx - ax), std::abs(by - ay));
    const bool flat = std::abs(bx - ax) >= std::abs(by - ay);
    if (flat ? ax > bx : ay > by) std::swap(ax, bx), std::swap(ay, by);
    const double slope = flat ? (by - ay) / (bx - ax) : (bx - ax) / (by - ay);
    const auto x = [&](double t) { return flat ? ax + t : std::trunc(ax + slope * t + .5); };
    const auto y = [&](double t) { return flat ? std::trunc(ay + slope * t + .5) : ay + t; };
    for (double t = 0; t < steps; ++t) {
      const double from = std::min(x(t), x(t + 1)), column = (from - 2) / 5;
      if (x(t) == x(t + 1) || column != std::floor(column) || column < 0 || column > double(width - 1)) continue;
      const double row = std::ceil(std::clamp((std::min(y(t), y(t + 1)) + .5) / 5 - .5, 0., double(height)));
      toggles[size_t(column * double(height) + row)] ^= 1;
    }
  }
  uint8_t inside = 0;
  for (uint8_t& t : toggles) t = inside ^= t;
  return encode_columns(toggles.data(), height, width);
}

Tensor bits_of(int64_t height, int64_t width, std::vector<uint8_t> rows) {
  return Tensor::of<uint8_t>({height, width}, rows);
}

}  // namespace

TEST_CASE("rle: strings, counts, area and box equal pycocotools'") {
  const auto cases = golden::read("masks");
  REQUIRE(cases.size() == 36);
  for (const auto& c : cases) {
    const Rle mask = mask_of(c);
    CHECK(counts_of(mask) == c.lists.at("counts").at(0));
    CHECK(to_string(mask) == c.texts.at("string"));
    CHECK(double(area(mask)) == c.numbers.at("area"));
    CHECK(bounding_box(mask) == box_of(c, "bbox"));
    CHECK(encode(decode(mask)) == mask);
    std::vector<uint8_t> columns(size_t(mask.height * mask.width));
    decode_columns(mask, columns.data());
    CHECK(encode_columns(columns.data(), mask.height, mask.width) == mask);
  }
}

TEST_CASE("rle: strings are appended to runs that are there, and a wrong one leaves them as they were") {
  std::vector<uint32_t> counts;
  std::vector<Rle> masks;
  for (const auto& c : golden::read("masks")) {
    masks.push_back(mask_of(c));
    append_string(c.texts.at("string"), c.integer("height"), c.integer("width"), counts);
  }
  size_t at = 0;
  for (const Rle& mask : masks) {
    const RleView view(mask.height, mask.width, std::span(counts).subspan(at, mask.counts.size()));
    CHECK(std::ranges::equal(view.counts, mask.counts));
    CHECK(area(view) == area(mask));
    at += mask.counts.size();
  }
  CHECK(at == counts.size());
  const std::vector<uint32_t> before = counts;
  for (const char* wrong : {"3", "5", "22!", "2P", "O"}) {
    CHECK_THROWS_AS(append_string(wrong, 2, 2, counts), Error);
    CHECK(counts == before);
  }
}

TEST_CASE("rle: strings of every length of number, and of all lengths around a chunk, read back") {
  for (int64_t step = 0; step < 30; ++step) {
    std::vector<int64_t> counts(3, int64_t(1) << step);
    for (int64_t i = 0; i < 70; ++i) counts.push_back(i % 2 == 0 ? int64_t(1) << step : i);
    int64_t sum = 0;
    for (const int64_t n : counts) sum += n;
    const int64_t width = sum / (1 << 20) + 1;
    counts.push_back(width * (1 << 20) - sum);
    const Rle mask = from_counts(counts, 1 << 20, width);
    CHECK(from_string(to_string(mask), 1 << 20, width) == mask);
  }
  for (uint32_t n = 1; n < 200; ++n) {
    const Rle mask{1, n, std::vector<uint32_t>(n, 1)};
    CHECK(from_string(to_string(mask), 1, n) == mask);
  }
}

TEST_CASE("rle: runs go down the columns, zeros first") {
  const Rle mask = encode(bits_of(2, 3,
                                  {1, 0, 0,  //
                                   1, 0, 9}));
  CHECK(mask == Rle{2, 3, {0, 2, 3, 1}});
  CHECK(decode(mask).to_vector<uint8_t>() == std::vector<uint8_t>{1, 0, 0, 1, 0, 1});
}

TEST_CASE("rle: a mask without pixels has one run, and no box") {
  CHECK(encode(Tensor::zeros({0, 5}, DType::u8)) == Rle{0, 5, {0}});
  CHECK(bounding_box(Rle{0, 5, {0}}) == std::array<double, 4>{});
  CHECK(decode(Rle{0, 500, {0}}).numel() == 0);
  CHECK(bounding_box(Rle{3, 5, {15}}) == std::array<double, 4>{});
}

TEST_CASE("rle: pixels of any size and value are read and written, by rows and by columns") {
  uint32_t state = 1;
  const auto draw = [&] { return (state = state * 1664525 + 1013904223) >> 16; };
  for (const int64_t height : {1, 2, 7, 8, 63, 64, 65, 130})
    for (const int64_t width : {1, 3, 8, 63, 64, 65, 127, 128, 200})
      for (const uint32_t often : {2u, 40u, 5000u}) {  // one change in so many pixels
        std::vector<uint8_t> rows(size_t(height * width)), columns(rows.size());
        uint8_t value = draw() % 2 ? 0 : 1;
        std::vector<uint32_t> counts;
        for (int64_t x = 0; x < width; ++x)
          for (int64_t y = 0; y < height; ++y) {
            if (draw() % often == 0) value = value ? 0 : uint8_t(1 + draw() % 255);
            rows[size_t(y * width + x)] = columns[size_t(x * height + y)] = value;
            const bool inside = counts.size() % 2 == 0 && !counts.empty();
            if (counts.empty() || inside != (value != 0)) counts.push_back(0);
            if (counts.size() == 1 && value) counts.push_back(0);
            ++counts.back();
          }
        const Rle mask{height, width, counts};
        CHECK(encode_columns(columns.data(), height, width) == mask);
        CHECK(encode(Tensor::of<uint8_t>({height, width}, rows)) == mask);
        for (uint8_t& v : rows) v = v != 0;
        for (uint8_t& v : columns) v = v != 0;
        CHECK(decode(mask).to_vector<uint8_t>() == rows);
        std::vector<uint8_t> decoded(columns.size());
        decode_columns(mask, decoded.data());
        CHECK(decoded == columns);
      }
}

TEST_CASE("rle: of many masks each pixel is in the union if in any, in the intersection if in all") {
  uint32_t state = 5;
  const auto draw = [&] { return (state = state * 1664525 + 1013904223) >> 16; };
  for (int round = 0; round < 50; ++round) {
    const int64_t height = 1 + draw() % 9, width = 1 + draw() % 9;
    std::vector<uint8_t> any(size_t(height * width), 0), all(any.size(), 1);
    std::vector<Rle> masks;
    for (uint32_t i = 0; i < 1 + draw() % 5; ++i) {
      std::vector<uint8_t> bits(any.size());
      for (size_t p = 0; p < bits.size(); ++p) {
        bits[p] = draw() % 3 != 0;
        any[p] |= bits[p];
        all[p] &= bits[p];
      }
      masks.push_back(encode(bits_of(height, width, bits)));
    }
    CHECK(merge(masks) == encode(bits_of(height, width, any)));
    CHECK(merge(masks, true) == encode(bits_of(height, width, all)));
  }
}

TEST_CASE("rle: masks of few runs, some of them empty, merge and are measured as their pixels") {
  uint32_t state = 9;
  const auto draw = [&](uint32_t n) { return ((state = state * 1664525 + 1013904223) >> 16) % n; };
  for (int round = 0; round < 2000; ++round) {
    const int64_t height = 1 + draw(6), width = 1 + draw(9), pixels = height * width;
    const auto mask = [&] {
      std::vector<int64_t> counts{0};
      const bool plain = draw(2) == 0;
      for (int64_t left = pixels; left > 0; left -= counts.back()) {
        if (counts.size() == 1 && draw(2) == 0) counts[0] = draw(uint32_t(left) + 1), left -= counts[0];
        if (left > 0) counts.push_back(std::min<int64_t>(left, draw(uint32_t(pixels) + 1) + plain));
      }
      return from_counts(counts, height, width);
    };
    const Rle a = mask(), b = mask();
    std::vector<uint8_t> any(size_t(pixels), 0), all = any, bits = any, others = any;
    decode_columns(a, bits.data());
    decode_columns(b, others.data());
    int64_t area_of_a = 0, left = width, top = height, right = -1, bottom = -1;
    for (int64_t i = 0; i < pixels; ++i) {
      any[size_t(i)] = bits[size_t(i)] | others[size_t(i)];
      all[size_t(i)] = bits[size_t(i)] & others[size_t(i)];
      if (!bits[size_t(i)]) continue;
      ++area_of_a;
      left = std::min(left, i / height), right = std::max(right, i / height);
      top = std::min(top, i % height), bottom = std::max(bottom, i % height);
    }
    CHECK(merge(std::vector<Rle>{a, b}) == encode_columns(any.data(), height, width));
    CHECK(merge(std::vector<Rle>{a, b}, true) == encode_columns(all.data(), height, width));
    const Extent measured = extent(a);
    CHECK(measured.area == uint64_t(area_of_a));
    const std::array<double, 4> box{double(left), double(top), double(right - left + 1), double(bottom - top + 1)};
    CHECK(measured.box == (area_of_a > 0 ? box : std::array<double, 4>{}));
    CHECK(measured.empty_runs == (std::count(a.counts.begin() + 1, a.counts.end(), 0u) > 0));
  }
}

TEST_CASE("rle: union, intersection and overlap equal pycocotools'") {
  for (const auto& c : golden::read("pairs")) {
    const std::vector<Rle> both{mask_of(c, "a"), mask_of(c, "b")};
    CHECK(to_string(merge(both)) == c.texts.at("union"));
    CHECK(to_string(merge(both, true)) == c.texts.at("both"));
    CHECK(iou(both[0], both[1], false) == c.numbers.at("iou"));
    CHECK(iou(both[0], both[1], true) == c.numbers.at("crowd"));
  }
}

TEST_CASE("rle: with extents the overlap is the same, wherever the boxes meet") {
  const Rle left{4, 6, {1, 2, 2, 2, 17}}, right{4, 6, {5, 2, 6, 1, 2, 3, 5}}, corner{4, 6, {23, 1}};
  for (const Rle& a : {left, right, corner})
    for (const Rle& b : {left, right, corner}) {
      const Tensor x = decode(a), y = decode(b);
      double both = 0, either = 0;
      for (int64_t i = 0; i < 24; ++i) {
        both += x.data<uint8_t>()[i] && y.data<uint8_t>()[i];
        either += x.data<uint8_t>()[i] || y.data<uint8_t>()[i];
      }
      CHECK(iou(a, extent(a), b, extent(b), false) == both / either);
      CHECK(iou(a, extent(a), b, extent(b), true) == both / double(area(a)));
    }
}

TEST_CASE("rle: two masks with empty runs at one place overlap only in what comes before, as in pycocotools") {
  const Rle split{2, 3, {2, 0, 1, 2, 0, 1}}, other{2, 3, {2, 0, 0, 4}};
  CHECK(iou(split, split, false) == 0);
  CHECK(iou(split, other, false) == 0);
  CHECK(iou(other, split, true) == 0);
  const Rle later{1, 6, {1, 1, 0, 0, 0, 4}}, same{1, 6, {1, 1, 0, 0, 0, 4}};
  CHECK(iou(later, same, false) == 1);   // one pixel of one
  CHECK(iou(later, same, true) == 0.2);  // one pixel of the detection's five
}

TEST_CASE("rle: overlap of boxes equals pycocotools'") {
  for (const auto& c : golden::read("box_pairs")) {
    CHECK(iou(box_of(c, "a"), box_of(c, "b"), false) == c.numbers.at("iou"));
    CHECK(iou(box_of(c, "a"), box_of(c, "b"), true) == c.numbers.at("crowd"));
  }
}

TEST_CASE("rle: masks of two sizes overlap by -1 if their boxes meet, else by 0, as in pycocotools") {
  const Rle a{2, 2, {0, 4}}, b{2, 3, {0, 6}}, far{2, 3, {4, 2}};
  CHECK(iou(a, b, false) == -1);
  CHECK(iou(a, far, false) == 0);
  CHECK_THROWS_WITH_AS(merge(std::vector<Rle>{a, b}), "merge: masks are 2 x 2 and 2 x 3; one size expected", Error);
}

TEST_CASE("rle: outlines rasterise as pycocotools' do") {
  const auto cases = golden::read("polygons");
  REQUIRE(cases.size() == 42);
  for (const auto& c : cases) {
    CAPTURE(c.texts.at("kind"));
    CHECK(to_string(rasterise(c.lists.at("parts"), c.integer("height"), c.integer("width"))) == c.texts.at("string"));
  }
  for (const auto& c : golden::read("rectangles"))
    CHECK(to_string(rectangle(box_of(c, "box"), c.integer("height"), c.integer("width"))) == c.texts.at("string"));
}

TEST_CASE("rle: outlines rasterise as if every step of every edge were taken") {
  uint32_t state = 11;
  const auto draw = [&](uint32_t below) { return ((state = state * 1664525 + 1013904223) >> 8) % below; };
  for (int round = 0; round < 2000; ++round) {
    const int64_t height = 1 + draw(40), width = 1 + draw(40);
    const double grid = std::array<double, 4>{1, 5, 10, 1e4}[draw(4)];  // whole pixels, fifths, tenths, anything
    const double reach = std::array<double, 3>{1, 3, 30}[draw(3)];
    Polygon outline;
    for (uint32_t corners = 3 + draw(7); corners > 0; --corners)
      for (const int64_t side : {width, height}) {
        const double v = (double(draw(1 << 20)) / (1 << 20) * (2 * reach - 1) - (reach - 1)) * double(side);
        outline.push_back(std::round(v * grid) / grid);
      }
    CAPTURE(round);
    CHECK(rasterise(outline, height, width) == rasterise_step_by_step(outline, height, width));
  }
}

TEST_CASE("rle: an outline far larger than its photo costs only the columns it passes") {
  const Polygon huge{-1e11, -1e11, 1e11, -1e11, 1e11, 1e11, -1e11, 1e11};
  CHECK(rasterise(huge, 30, 40) == Rle{30, 40, {0, 1200}});
}

TEST_CASE("rle: an outline that cannot be rasterised is an error") {
  CHECK_THROWS_WITH_AS(rasterise(Polygon{0, 0, 1, NAN, 2, 2}, 4, 4),
                       "polygon: corner 1 is (1, nan); finite numbers up to 1000000000000 expected", Error);
  CHECK_THROWS_WITH_AS(rasterise(Polygon{0, 0, 1, 1e300, 2, 2}, 4, 4),
                       "polygon: corner 1 is (1, 1e+300); finite numbers up to 1000000000000 expected", Error);
  CHECK_THROWS_WITH_AS(rasterise(Polygon{0, 0, 1}, 4, 4), "polygon: 3 coordinates; pairs of x, y expected", Error);
  CHECK_THROWS_WITH_AS(rasterise(Polygon{}, -1, 4),
                       "mask: size is -1 x 4 (height x width); sides of 0 to 16777216 pixels expected", Error);
}

TEST_CASE("rle: strings that are no mask are errors") {
  CHECK_THROWS_WITH_AS(from_string("3", 2, 2), "mask: runs fall short of 2 x 2 = 4 pixels by 1", Error);
  CHECK_THROWS_WITH_AS(from_string("", 2, 2), "mask: runs fall short of 2 x 2 = 4 pixels by 4", Error);
  CHECK_THROWS_WITH_AS(from_string("5", 2, 2), "mask: runs run over 2 x 2 = 4 pixels at character 0 of the counts",
                       Error);
  CHECK_THROWS_WITH_AS(from_string("22!", 2, 2), "mask: character 2 of the counts has code 33; 48 to 111 expected",
                       Error);
  CHECK_THROWS_WITH_AS(from_string("2P", 2, 2), "mask: counts end inside a number (character 2)", Error);
  CHECK_THROWS_WITH_AS(from_string("O", 2, 2), "mask: the number at character 0 of the counts makes a run of -1 pixels",
                       Error);
  CHECK_THROWS_WITH_AS(from_string(std::string(40, 'P') + "0", 2, 2),
                       "mask: the number at character 0 of the counts is too long", Error);
  CHECK_THROWS_WITH_AS(validate(Rle{2, 2, {1, 9}}), "mask: runs run over 2 x 2 = 4 pixels by 6", Error);
  CHECK_THROWS_WITH_AS(validate(Rle{2, 2, {1}}), "mask: runs fall short of 2 x 2 = 4 pixels by 3", Error);
  const std::vector<int64_t> negative{5, -1};
  CHECK_THROWS_WITH_AS(from_counts(negative, 2, 2), "mask: runs run over 2 x 2 = 4 pixels by 1 or more", Error);
  const std::vector<int64_t> below{2, -1, 3};
  CHECK_THROWS_WITH_AS(from_counts(below, 2, 2), "mask: a run of -1 pixels; 0 or more expected", Error);
}

TEST_CASE("rle: a mask of 100,000 x 100,000 pixels stays a few runs") {
  const int64_t side = 100'000;
  const Rle full = rasterise(Polygon{0, 0, 1e5, 0, 1e5, 1e5, 0, 1e5}, side, side);
  CHECK(area(full) == 10'000'000'000u);
  CHECK(full.counts.size() < 8);
  CHECK(bounding_box(full) == std::array<double, 4>{0, 0, 1e5, 1e5});
  CHECK(from_string(to_string(full), side, side) == full);
  CHECK(iou(full, full, false) == 1);
  const std::vector<int64_t> counts{9'999'999'999, 1};
  const Rle corner = from_counts(counts, side, side);
  CHECK(bounding_box(corner) == std::array<double, 4>{99'999, 99'999, 1, 1});
  CHECK(iou(corner, full, true) == 1);
  CHECK(area(merge(std::vector<Rle>{corner, full}, true)) == 1);
  CHECK(bounding_box(flip_horizontal(corner)) == std::array<double, 4>{0, 99'999, 1, 1});
  CHECK(area(resize_nearest(full, 10, 10)) == 100);
}

TEST_CASE("rle: empty runs in the middle change nothing") {
  const Rle split{2, 3, {2, 0, 1, 2, 0, 1}}, joined{2, 3, {3, 3}};
  CHECK(area(split) == area(joined));
  CHECK(bounding_box(split) == bounding_box(joined));
  CHECK(iou(split, joined, false) == 1);
  CHECK(merge(std::vector<Rle>{split, split}) == joined);
  CHECK(decode(split).to_vector<uint8_t>() == decode(joined).to_vector<uint8_t>());
}

TEST_CASE("rle: nearest resampling equals torch's of the pixels") {
  const auto cases = golden::read("resizes");
  REQUIRE(cases.size() == 11);
  for (const auto& c : cases)
    CHECK(to_string(resize_nearest(mask_of(c), c.integer("to_height"), c.integer("to_width"))) ==
          c.texts.at("resized"));
  CHECK_THROWS_WITH_AS(resize_nearest(Rle{0, 4, {0}}, 2, 2), "resize_nearest: mask is 0 x 4; at least a pixel expected",
                       Error);
}

TEST_CASE("rle: flipping, cropping and padding move pixels as they should") {
  const Rle mask = encode(bits_of(2, 3,
                                  {1, 0, 0,  //
                                   1, 1, 0}));
  CHECK(decode(flip_horizontal(mask)).to_vector<uint8_t>() == std::vector<uint8_t>{0, 0, 1, 0, 1, 1});
  CHECK(flip_horizontal(flip_horizontal(mask)) == mask);
  CHECK(decode(crop_or_pad(mask, 1, 2)).to_vector<uint8_t>() == std::vector<uint8_t>{1, 0});
  CHECK(decode(crop_or_pad(mask, 3, 4)).to_vector<uint8_t>() ==
        std::vector<uint8_t>{1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0});
  CHECK(decode(crop_or_pad(mask, 3, 1)).to_vector<uint8_t>() == std::vector<uint8_t>{1, 1, 0});
  CHECK(crop_or_pad(mask, 0, 0) == Rle{0, 0, {0}});
}
