#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tensor/check.h"
#include "tensor/ops.h"
#include "tests/cpu/random.h"

using namespace sil;
using namespace sil::test;

namespace {

constexpr PhotoGeom kImageNet{1, 1, {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};

PhotoGeom to_size(int64_t height, int64_t width) {
  PhotoGeom g = kImageNet;
  g.height = height, g.width = width;
  return g;
}

// Where an output reads along an axis, in pixels of the source, and between which two it lies.
struct Place {
  int64_t low, high;
  double part;
  Place(int64_t i, int64_t from, int64_t to) {
    const double at = std::max((double(i) + 0.5) * double(from) / double(to) - 0.5, 0.0);
    low = std::min(int64_t(at), from - 1), high = std::min(low + 1, from - 1);
    part = std::min(at - double(low), 1.0);
  }
};

// From the definition, in double: resize, then normalise, which of numbers without rounding is the same.
double expected(const Tensor& photo, const PhotoGeom& g, int64_t y, int64_t x, int64_t c) {
  if (y >= g.height || x >= g.width) return 0;
  const Place down(y, photo.dim(0), g.height), across(x, photo.dim(1), g.width);
  const auto at = [&](int64_t r, int64_t s) {
    const int64_t i = (r * photo.dim(1) + s) * 3 + c;
    return photo.dtype() == DType::u8 ? photo.data<uint8_t>()[i] / 255.0 : double(photo.data<float>()[i]);
  };
  const auto along = [&](int64_t r) {
    return (1 - across.part) * at(r, across.low) + across.part * at(r, across.high);
  };
  const double value = (1 - down.part) * along(down.low) + down.part * along(down.high);
  return (value - double(g.mean[c])) / double(g.std[c]);
}

Tensor bytes(int64_t height, int64_t width) {
  Tensor photo({height, width, 3}, DType::u8);
  for (int64_t i = 0; i < photo.numel(); ++i) photo.data<uint8_t>()[i] = uint8_t(RngKey{9}.below(uint64_t(i), 256));
  return photo;
}

}  // namespace

TEST_CASE("normalize_photos: smaller, larger and as large, of bytes and floats, padded with zeros") {
  for (const auto& [height, width, to_height, to_width] :
       {std::array<int64_t, 4>{7, 11, 7, 11}, {13, 9, 30, 21}, {40, 70, 12, 17}, {1, 1, 9, 5}, {1, 33, 3, 8}})
    for (DType dtype : {DType::u8, DType::f32}) {
      CAPTURE(height);
      CAPTURE(to_height);
      const Tensor photo =
          dtype == DType::u8 ? bytes(height, width) : test::random({height, width, 3}, DType::f32, 4, 0, 1);
      const PhotoGeom g = to_size(to_height, to_width);
      const Tensor y = ops::normalize_photos({bytes(2, 2), photo}, {to_size(1, 1), g}, 32, 32);
      REQUIRE(y.shape() == Shape{2, 32, 32, 3});
      double most = 0;
      for (int64_t r = 0; r < 32; ++r)
        for (int64_t x = 0; x < 32; ++x)
          for (int64_t c = 0; c < 3; ++c) {
            const double got = double(y.data<float>()[((32 + r) * 32 + x) * 3 + c]);
            const bool padding = r >= to_height || x >= to_width;
            if (padding) REQUIRE(got == 0);
            most = std::max(most, std::abs(got - expected(photo, g, r, x, c)));
          }
      CHECK(most <= 2e-5);  // the place of a read is float32: 1e-6 of 70 pixels times a step of 4.4
    }
}

TEST_CASE("normalize_photos: bytes of their own size are (x / 255 - mean) / std, to the bit") {
  const Tensor photo = bytes(5, 6), y = ops::normalize_photos({photo}, {to_size(5, 6)}, 5, 6);
  for (int64_t i = 0; i < photo.numel(); ++i)
    REQUIRE(y.data<float>()[i] ==
            (float(photo.data<uint8_t>()[i]) / 255.0f - kImageNet.mean[i % 3]) / kImageNet.std[i % 3]);
}

TEST_CASE("normalize_photos: what it is given is checked") {
  const auto refused = [](const std::vector<Tensor>& photos, const std::vector<PhotoGeom>& g) {
    ops::normalize_photos(photos, g, 32, 32);
  };
  CHECK_THROWS_WITH_AS(refused({}, {}), "normalize_photos: 0 photos, 0 geometries; one for each expected", Error);
  CHECK_THROWS_WITH_AS(refused({bytes(2, 2)}, {}), "normalize_photos: 1 photos, 0 geometries; one for each expected",
                       Error);
  CHECK_THROWS_WITH_AS(refused({Tensor::zeros({4, 4, 1}, DType::u8)}, {to_size(4, 4)}),
                       "normalize_photos: photo 0 is uint8 [4, 4, 1]; uint8 or float32 [H, W, 3] of at least one pixel "
                       "expected",
                       Error);
  CHECK_THROWS_WITH_AS(refused({bytes(2, 2)}, {to_size(33, 4)}),
                       "normalize_photos: photo 0 becomes 33 x 4; 1 x 1 to the batch's 32 x 32 expected", Error);
}
