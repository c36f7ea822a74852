#include <doctest/doctest.h>

#include "tensor/ops.h"
#include "tests/cpu/golden.h"
#include "tests/cpu/random_boxes.h"

using namespace sil;

namespace {

std::vector<uint8_t> plain_nms(const std::vector<PlainBox>& boxes, double threshold) {
  std::vector<uint8_t> keep;
  for (size_t j = 0; j < boxes.size(); ++j) {
    bool kept = true;
    for (size_t i = 0; i < j; ++i)
      if (keep[i] && float(plain_iou(boxes[i], boxes[j])) > threshold) kept = false;
    keep.push_back(kept);
  }
  return keep;
}

Tensor one_list(const std::vector<PlainBox>& boxes) {
  return box_tensor<float>(boxes).view({1, int64_t(boxes.size()), 4});
}

Tensor counts(const std::vector<int32_t>& v) { return Tensor::of<int32_t>({int64_t(v.size())}, v); }

}  // namespace

TEST_CASE("nms: equal boxes keep the earlier one") {
  CHECK(ops::nms(one_list({{0, 0, 4, 4}, {0, 0, 4, 4}, {9, 9, 12, 12}}), counts({3}), 0.5).to_vector<uint8_t>() ==
        std::vector<uint8_t>{1, 0, 1});
}

TEST_CASE("nms: an overlap of exactly the threshold is kept") {
  const Tensor half = one_list({{0, 0, 4, 1}, {0, 0, 2, 1}});
  CHECK(ops::nms(half, counts({2}), 0.5).to_vector<uint8_t>() == std::vector<uint8_t>{1, 1});
  CHECK(ops::nms(half, counts({2}), 0.4999).to_vector<uint8_t>() == std::vector<uint8_t>{1, 0});
}

TEST_CASE("nms: a float32 overlap meets the threshold in double, as torchvision's: 3/5 lies above 0.6") {
  const Tensor boxes = one_list({{0, 0, 4, 1}, {1, 0, 5, 1}});
  CHECK(ops::nms(boxes, counts({2}), 0.6).to_vector<uint8_t>() == std::vector<uint8_t>{1, 0});
  CHECK(ops::nms(boxes, counts({2}), double(0.6f)).to_vector<uint8_t>() == std::vector<uint8_t>{1, 1});
}

TEST_CASE("nms: a suppressed box suppresses nothing") {
  CHECK(ops::nms(one_list({{0, 0, 10, 1}, {4, 0, 14, 1}, {8, 0, 18, 1}}), counts({3}), 0.4).to_vector<uint8_t>() ==
        std::vector<uint8_t>{1, 0, 1});
}

TEST_CASE("nms: lists are independent, rows past a list's count are not kept") {
  const std::vector<PlainBox> boxes{{0, 0, 4, 4}, {0, 0, 4, 4}, {0, 0, 4, 4}, {5, 5, 6, 6}, {7, 7, 9, 9}, {7, 7, 9, 9}};
  const Tensor lists = box_tensor<float>(boxes).view({3, 2, 4});
  CHECK(ops::nms(lists, counts({2, 2, 0}), 0.5).to_vector<uint8_t>() == std::vector<uint8_t>{1, 0, 1, 1, 0, 0});
  CHECK(ops::nms(Tensor::zeros({0, 5, 4}), counts({}), 0.5).numel() == 0);
  CHECK(ops::nms(Tensor::zeros({2, 0, 4}), counts({0, 0}), 0.5).numel() == 0);
}

TEST_CASE("nms: boxes without area and with NaN suppress nothing and are kept") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(ops::nms(one_list({{3, 3, 3, 3}, {3, 3, 3, 3}, {nan, 0, 4, 4}, {nan, 0, 4, 4}, {0, 0, 4, 4}}), counts({5}), 0)
            .to_vector<uint8_t>() == std::vector<uint8_t>{1, 1, 1, 1, 1});
}

TEST_CASE("nms: the table of cases equals plain loops") {
  for (BoxKind kind : {BoxKind::ordinary, BoxKind::whole_pixels, BoxKind::one_pixel, BoxKind::thin, BoxKind::nan})
    for (int64_t n : {1, 2, 17, 301}) {
      CAPTURE(int(kind));
      const auto boxes = random_boxes(n, kind, RngKey{7}, 60, 40);
      for (double threshold : {0.0, 0.3, 0.7, 1.0})
        CHECK(ops::nms(one_list(boxes), counts({int32_t(n)}), threshold).to_vector<uint8_t>() ==
              plain_nms(boxes, threshold));
    }
}

TEST_CASE("nms: what is kept is what torchvision keeps") {
  const Golden golden("nms");
  const Tensor boxes = golden.floats("boxes"), all = counts({150, 150});
  for (int tenth : {3, 5, 6, 7}) {
    CAPTURE(tenth);
    CHECK(ops::nms(boxes, all, tenth / 10.0).to_vector<uint8_t>() ==
          golden.get<uint8_t>("keep" + std::to_string(tenth)).to_vector<uint8_t>());
  }
}
