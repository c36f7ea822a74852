// Held against tests/golden/transforms, which tests/reference/make_transform_goldens.py makes by torchvision and
// Pillow.
#include "data/transforms.h"

#include <doctest/doctest.h>
#include <rapidjson/document.h>

#include <cmath>
#include <cstring>

#include "data/image.h"
#include "tensor/ops.h"
#include "tests/folder.h"

using namespace sil;

namespace {

const std::filesystem::path golden = SIL_SOURCE_DIR "/tests/golden/transforms";

const rapidjson::Document& cases() {
  static const rapidjson::Document document = [] {
    rapidjson::Document d;
    d.Parse(test::bytes_of(golden / "cases.json").c_str());
    return d;
  }();
  return document;
}

Rle read_mask(const std::string& name) { return encode(read_grey(golden / name)); }

std::vector<float> boxes_of(const rapidjson::Value& list) {
  std::vector<float> out;
  for (const auto& box : list.GetArray())
    for (const auto& x : box.GetArray()) out.push_back(x.GetFloat());
  return out;
}

// The golden picture, its mask, and two boxes.
Example picture() {
  Example e;
  e.photo = read_image(golden / "picture.png");
  e.boxes = boxes_of(cases()["boxes"]);
  e.labels = {1, 2};
  e.masks = {read_mask("mask.png"), read_mask("mask.png")};
  return e;
}

// As the model sees it, without padding.
Tensor as_seen(const Example& e) {
  const Batch b = collate({e});
  return ops::slice(b.photos.view({b.photos.dim(1), b.photos.dim(2), 3}).rows(0, e.size[0]), 1, 0, e.size[1]);
}

int64_t bytes_that_differ(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  int64_t n = 0;
  for (int64_t i = 0; i < a.numel(); ++i) n += a.data<uint8_t>()[i] != b.data<uint8_t>()[i];
  return n;
}

void check_close(const std::vector<float>& got, const std::vector<float>& want) {
  REQUIRE(got.size() == want.size());
  for (size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(want[i]).epsilon(1e-6));
}

std::optional<double> maybe(const rapidjson::Value& v) {
  return v.IsNull() ? std::nullopt : std::optional(v.GetDouble());
}

}  // namespace

TEST_CASE("resize: Pillow's bytes, v2's masks and boxes, up and down") {
  REQUIRE(cases()["resize"].Size() == 9);
  for (const auto& c : cases()["resize"].GetArray()) {
    const int height = c["size"][0].GetInt(), width = c["size"][1].GetInt();
    CAPTURE(height);
    CAPTURE(width);
    Example e = picture();
    resize(e, height, width);
    CHECK(bytes_that_differ(e.photo, read_image(golden / c["image"].GetString())) == 0);
    CHECK(e.masks[0] == read_mask(c["mask"].GetString()));
    CHECK(e.masks[1] == e.masks[0]);
    check_close(e.boxes, boxes_of(c["boxes"]));
  }
}

TEST_CASE("distort: given the drawn parameters, torchvision's bytes on a Pillow image") {
  REQUIRE(cases()["distort"].Size() == 13);
  const Tensor image = read_image(golden / "picture.png");
  for (const auto& c : cases()["distort"].GetArray()) {
    Distortion d{.brightness = maybe(c["brightness"]),
                 .contrast = maybe(c["contrast"]),
                 .saturation = maybe(c["saturation"]),
                 .hue = maybe(c["hue"]),
                 .contrast_before = c["contrast_before"].GetBool(),
                 .channels = {}};
    if (const auto& p = c["channels"]; p.IsArray()) d.channels = {p[0].GetInt(), p[1].GetInt(), p[2].GetInt()};
    CAPTURE(c["image"].GetString());
    CHECK(bytes_that_differ(distort(image, d), read_image(golden / c["image"].GetString())) == 0);
  }
}

TEST_CASE("distort: draws stay in their ranges, happen as often as p says, and depend on the key alone") {
  const RandomPhotometricDistort by{{0.8, 0.9}, {1.1, 1.2}, {0.3, 0.4}, {-0.2, -0.1}, 0.25};
  int applied = 0, before = 0;
  std::array<int, 3> first_channel{};
  constexpr int n = 4000;
  const auto inside = [](const std::optional<double>& x, RandomPhotometricDistort::Range r) {
    return !x || (*x >= r[0] && *x < r[1]);
  };
  for (uint64_t i = 0; i < n; ++i) {
    const Distortion d = draw(by, RngKey{7}.fold(i));
    REQUIRE((inside(d.brightness, by.brightness) && inside(d.contrast, by.contrast)));
    REQUIRE((inside(d.saturation, by.saturation) && inside(d.hue, by.hue)));
    applied += bool(d.brightness) + bool(d.contrast) + bool(d.saturation) + bool(d.hue) + bool(d.channels);
    before += d.contrast_before;
    if (d.channels) {
      ++first_channel[size_t((*d.channels)[0])];
      REQUIRE((*d.channels)[0] + (*d.channels)[1] + (*d.channels)[2] == 3);
    }
    REQUIRE(draw(by, RngKey{7}.fold(i)).hue == d.hue);
  }
  CHECK(applied == doctest::Approx(5 * n * 0.25).epsilon(0.05));
  CHECK(before == doctest::Approx(n * 0.5).epsilon(0.05));
  for (int k : first_channel) CHECK(k == doctest::Approx(n * 0.25 / 3).epsilon(0.15));
}

TEST_CASE("model resize: torchvision's transform: size, floats, masks, boxes") {
  REQUIRE(cases()["model"].Size() == 3);
  for (const auto& c : cases()["model"].GetArray()) {
    const Preparation by{{}, {c["min_size"].GetInt(), c["max_size"].GetInt()}};
    const Example e = prepare(picture(), by, std::nullopt);
    const int height = c["size"][0].GetInt(), width = c["size"][1].GetInt();
    REQUIRE(e.size == std::array{height, width});
    const Tensor photo = as_seen(e);
    const std::string want = test::bytes_of(golden / c["photo"].GetString());
    REQUIRE(want.size() == photo.bytes());
    float most = 0;
    for (int64_t i = 0; i < photo.numel(); ++i) {
      float w;
      std::memcpy(&w, want.data() + i * 4, 4);
      most = std::max(most, std::abs(w - photo.data<float>()[i]));
    }
    CHECK(most <= 1e-6f);
    CHECK(e.masks[0] == read_mask(c["mask"].GetString()));
    check_close(e.boxes, boxes_of(c["boxes"]));
  }
}

TEST_CASE("model size: the scale is computed in double and the size floored") {
  CHECK(model_size(480, 640, {800, 1333}) == std::array{800, 1066});
  CHECK(model_size(640, 480, {800, 1333}) == std::array{1066, 800});
  CHECK(model_size(400, 1600, {800, 1333}) == std::array{333, 1333});  // the long side rules
  CHECK(model_size(1, 10000, {800, 1333}) == std::array{1, 1333});     // never 0
  CHECK(model_size(1, 1, {800, 1333}) == std::array{800, 800});
}

TEST_CASE("flip: a pixel, its box and its mask go to the mirrored place, and back") {
  Example e;
  e.photo = Tensor::zeros({2, 5, 3}, DType::u8);
  e.photo.data<uint8_t>()[3 * 1 + 2] = 200;  // row 0, column 1, blue
  e.boxes = {1, 0, 2, 1};
  e.labels = {1};
  e.masks = {{2, 5, {2, 1, 7}}};
  const Example before = e;
  flip_horizontal(e);
  CHECK(e.photo.data<uint8_t>()[3 * 3 + 2] == 200);
  CHECK(e.boxes == std::vector<float>{3, 0, 4, 1});
  CHECK(e.masks[0] == Rle{2, 5, {6, 1, 3}});
  flip_horizontal(e);
  CHECK(bytes_that_differ(e.photo, before.photo) == 0);
  CHECK(e.boxes == before.boxes);
  CHECK(e.masks == before.masks);
}

namespace {

// One white rectangle on black, boxed and masked: whatever moves, the three must still agree.
Example rectangle() {
  constexpr int height = 40, width = 60;
  Example e;
  Tensor bits = Tensor::zeros({height, width}, DType::u8);
  e.photo = Tensor::zeros({height, width, 3}, DType::u8);
  for (int y = 10; y < 30; ++y)
    for (int x = 4; x < 28; ++x) {
      bits.data<uint8_t>()[y * width + x] = 1;
      for (int c = 0; c < 3; ++c) e.photo.data<uint8_t>()[3 * (y * width + x) + c] = 255;
    }
  e.boxes = {4, 10, 28, 30};
  e.labels = {1};
  e.masks = {encode(bits)};
  return e;
}

}  // namespace

TEST_CASE("prepare: image, boxes and masks move together through flip and either resize") {
  const Augmentations flip_and_resize{RandomHorizontalFlip{1}, Resize{80, 90}, ToImage{},
                                      Normalize{{0, 0, 0}, {1, 1, 1}}};
  const Augmentations flip{RandomHorizontalFlip{1}, ToImage{}, Normalize{{0, 0, 0}, {1, 1, 1}}};
  for (const Preparation& by : {Preparation{flip_and_resize, {}}, Preparation{flip, {100, 1000}}}) {
    const Example e = prepare(rectangle(), by, RngKey{1});
    const Tensor mask = decode(e.masks[0]), photo = as_seen(e);
    REQUIRE(mask.dim(0) == e.size[0]);
    REQUIRE(mask.dim(1) == e.size[1]);
    for (int64_t y = 0; y < mask.dim(0); ++y)
      for (int64_t x = 0; x < mask.dim(1); ++x) {
        const int64_t i = y * mask.dim(1) + x;
        const float bright = photo.data<float>()[3 * i];
        if (bright > 0.999f) REQUIRE(mask.data<uint8_t>()[i] == 1);
        if (bright < 0.001f) REQUIRE(mask.data<uint8_t>()[i] == 0);
      }
    const auto [x, y, w, h] = bounding_box(e.masks[0]);
    CHECK(std::abs(e.boxes[0] - x) <= 1);
    CHECK(std::abs(e.boxes[1] - y) <= 1);
    CHECK(std::abs(e.boxes[2] - (x + w)) <= 1);
    CHECK(std::abs(e.boxes[3] - (y + h)) <= 1);
    CHECK(x > mask.dim(1) / 2.0);  // it went to the other half
  }
}

TEST_CASE("prepare: without a key nothing random happens; with one the key alone decides") {
  const Preparation by{default_augmentations(), {}};
  const auto photo = [&](std::optional<RngKey> key) { return as_seen(prepare(picture(), by, key)).to_vector<float>(); };
  const Preparation plain{{Resize{800, 800}, ToImage{}, Normalize{}}, {}};
  CHECK(photo(std::nullopt) == as_seen(prepare(picture(), plain, std::nullopt)).to_vector<float>());
  CHECK(photo(RngKey{5}) == photo(RngKey{5}));
  CHECK(photo(RngKey{5}) != photo(RngKey{6}));
}

TEST_CASE("prepare: what the list leaves out the model's own transform adds, nothing twice") {
  const Preparation full{{ToImage{}, Normalize{}}, {37, 1000}};
  for (const Augmentations& list : {Augmentations{}, Augmentations{ToImage{}}})
    CHECK(as_seen(prepare(picture(), {list, {37, 1000}}, std::nullopt)).to_vector<float>() ==
          as_seen(prepare(picture(), full, std::nullopt)).to_vector<float>());
  const float red = float(picture().photo.data<uint8_t>()[0]) / 255.0f;
  CHECK(as_seen(prepare(picture(), full, std::nullopt)).data<float>()[0] == (red - 0.485f) / 0.229f);
}

TEST_CASE("prepare: one pixel with no object goes through everything") {
  Example e;
  e.photo = Tensor::zeros({1, 1, 3}, DType::u8);
  CHECK(as_seen(prepare(e, {default_augmentations(), {}}, RngKey{3})).shape() == Shape{800, 800, 3});
  CHECK(as_seen(prepare(e, {{}, {64, 100}}, RngKey{3})).shape() == Shape{64, 64, 3});
}
