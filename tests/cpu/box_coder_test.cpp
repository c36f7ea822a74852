#include <doctest/doctest.h>

#include <cmath>

#include "tensor/ops.h"
#include "tests/cpu/golden.h"

using namespace sil;

namespace {

// Relative to the larger of the value and 1.
void check_close(const Tensor& got, const Tensor& want, double tolerance) {
  REQUIRE(got.shape() == want.shape());
  const auto g = got.to_vector<float>(), w = want.to_vector<float>();
  for (size_t i = 0; i < g.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(double(g[i]) - double(w[i])) <= tolerance * std::max(1.0, std::abs(double(w[i]))));
  }
}

const BoxCoderGeom kRpn{1, 1, 1, 1}, kBox{10, 10, 5, 5};

}  // namespace

TEST_CASE("box coder: a box moved by half its size and doubled, by hand") {
  const Tensor reference = Tensor::of<float>({1, 4}, {10, 20, 14, 28}),
               box = Tensor::of<float>({1, 4}, {10, 20, 18, 36});
  // centres (12, 24) and (14, 28); sides 4 x 8 and 8 x 16
  const auto d = ops::encode_boxes(box, reference, kBox).to_vector<float>();
  CHECK(d[0] == 5.0f);
  CHECK(d[1] == 5.0f);
  CHECK(d[2] == doctest::Approx(5 * std::log(2.0)));
  CHECK(d[3] == doctest::Approx(5 * std::log(2.0)));
  check_close(ops::decode_boxes(Tensor::of<float>({1, 4}, d), reference, kBox), box, 1e-6);
}

TEST_CASE("box coder: equals torchvision's, encoded, decoded and clipped") {
  const Golden golden("box_coder");
  const Tensor reference = golden.floats("reference"), boxes = golden.floats("boxes"), deltas = golden.floats("deltas");
  const Tensor image = Tensor::zeros({40}, DType::i32), sizes = Tensor::of<int32_t>({1, 2}, {240, 320});
  for (const auto& [name, geom] : {std::pair("rpn", kRpn), std::pair("box", kBox)}) {
    const std::string suffix = name;
    check_close(ops::encode_boxes(boxes, reference, geom), golden.floats("encoded_" + suffix), 2e-6);
    check_close(ops::decode_boxes(deltas, reference, geom), golden.floats("decoded_" + suffix), 2e-6);
    check_close(ops::decode_boxes(deltas, reference, geom, image, sizes), golden.floats("clipped_" + suffix), 2e-6);
  }
}

TEST_CASE("box coder: float64 decodes what it encoded") {
  const Tensor reference = ops::cast(Golden("box_coder").floats("reference"), DType::f64);
  const Tensor boxes = ops::cast(Golden("box_coder").floats("boxes"), DType::f64);
  BoxCoderGeom wide = kBox;
  wide.max_log_scale = 100;
  const auto back = ops::decode_boxes(ops::encode_boxes(boxes, reference, wide), reference, wide).to_vector<double>();
  for (size_t i = 0; i < back.size(); ++i)
    CHECK(back[i] == doctest::Approx(boxes.data<double>()[i]).epsilon(1e-11).scale(100));
}

TEST_CASE("box coder: each row is clipped to its own photo, an empty row is zeros") {
  const Tensor reference = Tensor::of<float>({3, 4}, {-5, -5, 90, 90, -5, -5, 90, 90, -5, -5, 90, 90});
  const Tensor image = Tensor::of<int32_t>({3}, {1, -1, 0}), sizes = Tensor::of<int32_t>({2, 2}, {10, 20, 30, 40});
  CHECK(ops::decode_boxes(Tensor::zeros({3, 4}), reference, kRpn, image, sizes).to_vector<float>() ==
        std::vector<float>{0, 0, 40, 30, 0, 0, 0, 0, 0, 0, 20, 10});
}

TEST_CASE("box coder: a box without area has finite deltas") {
  const Tensor point = Tensor::of<float>({1, 4}, {3, 3, 3, 3}), box = Tensor::of<float>({1, 4}, {0, 0, 8, 8});
  for (const Tensor& d : {ops::encode_boxes(point, box, kRpn), ops::encode_boxes(box, point, kRpn)})
    for (float v : d.to_vector<float>()) CHECK(std::isfinite(v));
}

TEST_CASE("box coder: a huge scale is held at 1000 / 16") {
  const Tensor reference = Tensor::of<float>({1, 4}, {0, 0, 16, 16});
  const auto b = ops::decode_boxes(Tensor::of<float>({1, 4}, {0, 0, 80, 1e30f}), reference, kRpn).to_vector<float>();
  CHECK(b[2] - b[0] == doctest::Approx(1000));
  CHECK(b[3] - b[1] == doctest::Approx(1000));
}

TEST_CASE("box coder: no rows") {
  const Tensor none = Tensor::zeros({0, 4});
  CHECK(ops::encode_boxes(none, none, kRpn).shape() == Shape{0, 4});
  CHECK(ops::decode_boxes(Tensor::zeros({0, 8}), none, kRpn).shape() == Shape{0, 8});
}
