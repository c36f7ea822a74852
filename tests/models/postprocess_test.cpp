#include "models/postprocess.h"

#include <doctest/doctest.h>

#include "tensor/ops.h"

using namespace sil;

namespace {

// One detection a photo.
Detections detections(const std::vector<float>& boxes, Device device) {
  const int64_t count = int64_t(boxes.size()) / 4;
  return {{Tensor::of({count, 4}, boxes, device), ops::arange(count, device)},
          Tensor::full({count}, 0.9, DType::f32, device),
          Tensor::full({count}, 1, DType::i32, device)};
}

}  // namespace

TEST_CASE("map_to_photos: boxes and masks in the photos' own pixels, whatever the number of runs") {
  // The second mask is stripes of a row each: 14 parts a column, more than the rows of runs hold.
  const int64_t side = 28;
  std::vector<float> masks(size_t(2 * side * side), 1.0f);
  for (int64_t i = 0; i < side * side; ++i) masks[size_t(side * side + i)] = i / side % 2 ? 1.0f : 0.0f;
  const Tensor sizes = Tensor::of<int32_t>({2, 2}, {80, 60, 100, 50});
  const std::vector<std::array<int, 2>> original{{40, 30}, {200, 100}};
  for (Device device : {Device::cpu(), Device::simt()}) {
    CAPTURE(device.str());
    const Tensor soft = Tensor::of({2, side, side}, masks, device);
    const auto photos =
        map_to_photos(detections({10, 20, 40, 60, 4, 5, 45, 95}, device), soft, sizes.to(device), original, 0.5f);
    REQUIRE(photos.size() == 2);
    const std::vector<std::array<float, 4>> boxes{{5, 10, 20, 30}, {8, 10, 90, 190}};
    for (size_t n = 0; n < 2; ++n) {
      CAPTURE(n);
      REQUIRE(photos[n].boxes == std::vector{boxes[n]});
      const Tensor mask = Tensor::of({2, side, side}, masks).rows(int64_t(n), int64_t(n) + 1).view({side, side});
      const Tensor box = Tensor::of<float>({4}, {boxes[n].begin(), boxes[n].end()});
      const Tensor bits = ops::paste_mask(mask, box, original[n][0], original[n][1], 0.5f);
      CHECK(photos[n].masks.at(0) == encode_columns(bits.data<uint8_t>(), original[n][0], original[n][1]));
    }
    CHECK(photos[1].masks[0].counts.size() > size_t(4 * original[1][1]));
  }
}

TEST_CASE("map_to_photos: no detections") {
  const auto photos = map_to_photos(detections({}, Device::cpu()), Tensor::zeros({0, 28, 28}),
                                    Tensor::of<int32_t>({1, 2}, {64, 64}), {{64, 64}}, 0.5f);
  REQUIRE(photos.size() == 1);
  CHECK(photos[0].masks.empty());
}
