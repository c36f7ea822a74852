#include "models/rpn.h"

#include <doctest/doctest.h>

#include <cmath>

#include "models/anchors.h"

using namespace sil;

namespace {

// One level of 2 x 2 cells with one anchor each: 4 boxes of 10 x 10, 20 pixels apart.
const Tensor kAnchors = Tensor::of<float>({4, 4}, {0, 0, 10, 10, 20, 0, 30, 10, 0, 20, 10, 30, 20, 20, 30, 30});

Rois proposals(const std::vector<float>& logits, const Tensor& deltas, std::array<int, 2> size, RpnConfig config = {}) {
  return propose({Tensor::of({1, 2, 2, 1}, logits)}, {deltas}, kAnchors,
                 Tensor::of<int32_t>({1, 2}, {size[0], size[1]}), config, Mode::test);
}

}  // namespace

TEST_CASE("propose: best first, clipped to the photo, thin ones dropped") {
  const Rois r = proposals({0, 3, 1, 2}, Tensor::zeros({1, 2, 2, 4}), {25, 20});
  // The second and the fourth lie at x = 20, the photo's edge: nothing is left of them.
  CHECK(r.boxes.to_vector<float>() == std::vector<float>{0, 20, 10, 25, 0, 0, 10, 10});
  CHECK(r.image.to_vector<int32_t>() == std::vector<int32_t>{0, 0});
}

TEST_CASE("propose: overlaps are suppressed, the count is capped") {
  Tensor deltas = Tensor::zeros({1, 2, 2, 4});
  deltas.data<float>()[4] = -2;  // the second anchor, moved by two widths onto the first
  CHECK(proposals({0, 3, 1, 2}, deltas, {100, 100}).count() == 3);
  RpnConfig config;
  config.test_proposals = 2;
  CHECK(proposals({0, 3, 1, 2}, deltas, {100, 100}, config).count() == 2);
  config.test_candidates = 1;
  CHECK(proposals({0, 3, 1, 2}, deltas, {100, 100}, config).count() == 1);
}

TEST_CASE("propose: logits and deltas that are not numbers give no proposal and no crash") {
  Tensor deltas = Tensor::zeros({1, 2, 2, 4});
  deltas.data<float>()[0] = NAN;
  CHECK(proposals({5, NAN, 1, 2}, deltas, {100, 100}).count() == 2);
}

TEST_CASE("rpn_losses: by hand, one object on one of four anchors") {
  RpnOutput out{{Tensor::of<float>({1, 2, 2, 1}, {0, 0, 0, 0})}, {Tensor::zeros({1, 2, 2, 4})}};
  Targets t{Tensor::of<float>({1, 4}, {1, 0, 11, 10}),
            Tensor::of<int32_t>({1}, {1}),
            Tensor::of<int32_t>({1}, {0}),
            {},
            {},
            {}};
  const auto [objectness, box] = rpn_losses(out, kAnchors, t, RpnConfig(), Tensor::zeros({1}, DType::i64));
  CHECK(objectness.value().item() == doctest::Approx(std::log(2.0)));
  // dx = 0.1 < 1/9: 0.5 * 0.1^2 * 9, over four samples.
  CHECK(box.value().item() == doctest::Approx(0.5 * 0.01 * 9 / 4).epsilon(1e-5));
}
