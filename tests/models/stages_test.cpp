#include "models/stages.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "models/stage_diff.h"
#include "nn/state_dict.h"
#include "small.h"
#include "tensor/check.h"
#include "tensor/ops.h"

using namespace sil;
using namespace sil::test;

namespace {

Batch one_photo() {
  return collate({example(formula_photo("photo0", 128, 96), {{{8.5f, 10.25f, 60, 70.5f}, 1}}, {200, 150})});
}

ModelConfig config() {
  ModelConfig c = small_config();
  c.rpn.train_proposals = 100, c.rpn.test_proposals = 60, c.box.score_threshold = 0;
  every_candidate(c);
  return c;
}

size_t beyond(const std::vector<StageDiff>& all) {
  return size_t(std::count_if(all.begin(), all.end(), [](const StageDiff& d) { return d.beyond; }));
}

const StageDiff& find(const std::vector<StageDiff>& all, const std::string& name) {
  return *std::find_if(all.begin(), all.end(), [&](const StageDiff& d) { return d.name == name; });
}

Tensor scaled(const Tensor& t, double factor) { return ops::scale(t, factor); }

Stages detections(const std::vector<float>& boxes, const std::vector<float>& scores) {
  const int64_t n = int64_t(scores.size());
  return {{"detections.boxes", Tensor::of({n, 4}, boxes)},
          {"detections.scores", Tensor::of({n}, scores)},
          {"detections.labels", Tensor::of({n}, std::vector<int64_t>(size_t(n), 1))}};
}

}  // namespace

TEST_CASE("stages: detection's are there in torch's order, the masks in the photo's own pixels") {
  MaskRcnn model(config(), 0);
  const Stages s = detection_stages(model, one_photo());
  CHECK(s.at("input").shape() == Shape{1, 3, 128, 96});
  CHECK(s.at("input").data<float>()[128 * 96] == one_photo().photos.data<float>()[1]);  // green comes behind all of red
  CHECK(s.at("p3").shape() == Shape{1, 64, 16, 12});
  CHECK(s.at("rpn.deltas.4").shape() == Shape{1, 12, 2, 2});
  CHECK(s.at("anchors").shape() == Shape{3 * (32 * 24 + 16 * 12 + 8 * 6 + 4 * 3 + 2 * 2), 4});
  const int64_t proposals = s.at("proposals.0").dim(0), found = s.at("detections.scores").dim(0);
  REQUIRE(found > 0);
  CHECK(s.at("box_features").shape() == Shape{proposals, 64, 7, 7});
  CHECK(s.at("box_deltas").shape() == Shape{proposals, 16});
  CHECK(s.at("mask_logits").shape() == Shape{found, 4, 28, 28});
  CHECK(s.at("detections.labels").dtype() == DType::i64);
  const Tensor& masks = s.at("detections.masks");
  CHECK(masks.shape() == Shape{found, 1, 200, 150});
  // Cut at one half they are the masks that detect() gives.
  const PhotoDetections again = model.detect(one_photo()).at(0);
  for (int64_t i = 0; i < found; ++i) {
    uint64_t pixels = 0;
    for (int64_t k = 0; k < 200 * 150; ++k) pixels += masks.data<float>()[i * 200 * 150 + k] >= 0.5f;
    CHECK(pixels == area(again.masks[size_t(i)]));
  }
}

TEST_CASE("stages: the heads see given proposals, the stages keep the model's own") {
  MaskRcnn model(config(), 0);
  const Tensor given = Tensor::of<float>({2, 4}, {0, 0, 50, 60, 10, 20, 90, 100});
  const Stages own = detection_stages(model, one_photo());
  const Stages s = detection_stages(model, one_photo(), {{"proposals.0", given}});
  CHECK(s.at("proposals.0").to_vector<float>() == own.at("proposals.0").to_vector<float>());
  CHECK(s.at("class_logits").dim(0) == 2);
  const Stages wide = detection_stages(model, one_photo(), {{"proposals.0", ops::cast(given, DType::f64)}});
  CHECK(wide.at("class_logits").to_vector<float>() == s.at("class_logits").to_vector<float>());
  CHECK_THROWS_WITH_AS(detection_stages(model, one_photo(), {{"proposals.0", Tensor::zeros({2, 5})}}),
                       "given proposals.0 is float32 [2, 5]; float32 or float64 [P, 4] expected", Error);
  CHECK_THROWS_WITH_AS(detection_stages(model, one_photo(), {{"proposals.0", Tensor::zeros({2, 4}, DType::i32)}}),
                       "given proposals.0 is int32 [2, 4]; float32 or float64 [P, 4] expected", Error);
}

TEST_CASE("stages: a training step's hold losses and the gradients of all that trains") {
  MaskRcnn model(config(), 0);
  const Stages s = training_stages(model, two_photos());
  CHECK(s.at("loss.mask").shape() == Shape{1});
  size_t grads = 0;
  for (const auto& [name, t] : s) grads += name.starts_with("grad.");
  CHECK(grads == trainable(leaves(model)).size());
  CHECK(s.at("grad.roi_heads.mask_predictor.conv5_mask.weight").shape() == Shape{64, 64, 2, 2});
  CHECK(s.at("class_logits").dim(0) == s.at("proposals.0").dim(0) + s.at("proposals.1").dim(0) + 5);
  CHECK(beyond(diff_stages(s, training_stages(model, two_photos()), 1e-12)) == 0);
}

TEST_CASE("stages: a curve's first losses are a step's, and parameters move against their gradients") {
  MaskRcnn model(config(), 0);
  const Stages step = training_stages(model, two_photos());
  const Stages s = training_curve(model, two_photos(), 2, 1e-3, {.weight_decay = 0});
  CHECK(s.size() == 5 + trainable(leaves(model)).size() + 4);  // proposals of two photos at two steps
  for (const char* name : kLossNames)
    CHECK(s.at(fmt::format("curve.{}", name)).data<float>()[0] == float(step.at(fmt::format("loss.{}", name)).item()));
  const std::string fc = "roi_heads.box_predictor.cls_score.weight";
  const Tensor moved = s.at("moved." + fc), gradient = step.at("grad." + fc);
  CHECK(ops::sum(ops::mul(moved, gradient)).item() < 0);
  CHECK(moved.shape() == gradient.shape());
}

TEST_CASE("stages: a curve's heads see the proposals given for a step, which keeps the model's own") {
  MaskRcnn model(config(), 0), same(config(), 0);
  const Stages own = training_curve(model, two_photos(), 2, 1e-3, {});
  const Tensor few = Tensor::of<float>({1, 4}, {0, 0, 50, 60});
  const Stages s = training_curve(same, two_photos(), 2, 1e-3, {}, {{"proposals.0.1", few}});
  const float *want = own.at("curve.classifier").data<float>(), *got = s.at("curve.classifier").data<float>();
  CHECK(got[0] == want[0]);
  CHECK(got[1] != want[1]);
  CHECK(s.at("proposals.0.1").shape() == own.at("proposals.0.1").shape());
}

TEST_CASE("stage diff: each kind of stage has its own tolerance") {
  const Tensor x = Tensor::of<float>({4}, {1, -2, 3, 4});
  const auto error = [&](const std::string& name, double factor) {
    const auto all = diff_stages({{name, x}}, {{name, scaled(x, factor)}}, 1e-4);
    REQUIRE(all.size() == 1);
    return all[0];
  };
  CHECK_FALSE(error("p2", 1 + 9e-5).beyond);
  CHECK(error("p2", 1 + 2e-4).beyond);
  CHECK(*error("p2", 1.5).error == doctest::Approx(0.5));
  CHECK_FALSE(error("mask_logits", 1 + 9e-4).beyond);
  CHECK(error("mask_logits", 1 + 2e-3).beyond);
  CHECK_FALSE(error("grad.fc.weight", 1 + 2.9e-3).beyond);
  CHECK(error("grad.fc.weight", 1 + 3.2e-3).beyond);
  CHECK(error("curve.mask", 1 + 2e-3).beyond);
  Tensor one_step = x.clone();
  one_step.data<float>()[0] *= 1 + 2e-3f;  // of a curve each step counts
  CHECK(diff_stages({{"curve.mask", x}}, {{"curve.mask", one_step}}, 1e-4)[0].beyond);
  CHECK_FALSE(diff_stages({{"mask_logits", x}}, {{"mask_logits", one_step}}, 1e-4)[0].beyond);
  CHECK_FALSE(error("moved.fc.weight", 1 + 9e-3).beyond);
  CHECK(error("p2", NAN).beyond);
}

TEST_CASE("stage diff: a missing stage and another shape are differences, a stage too many is none") {
  const Tensor x = Tensor::zeros({2, 3});
  const auto all = diff_stages({{"a", x}, {"b", x}, {"c", x}}, {{"b", Tensor::zeros({3, 2})}, {"c", x}, {"d", x}}, 1);
  REQUIRE(all.size() == 3);
  CHECK(all[0].text == "missing");
  CHECK(all[1].text == "[3, 2] for [2, 3]");
  CHECK(all[0].beyond);
  CHECK(all[1].beyond);
  CHECK_FALSE(all[2].beyond);
}

TEST_CASE("stage diff: proposals are a set of rows") {
  std::vector<float> rows, swapped, other;
  for (int i = 0; i < 200; ++i)
    for (int k = 0; k < 4; ++k) rows.push_back(float(10 * i + k));
  swapped = rows;
  for (int k = 0; k < 4; ++k) std::swap(swapped[size_t(k)], swapped[size_t(4 + k)]);
  const auto text = [&](const std::vector<float>& got) {
    const Stages w{{"proposals.0", Tensor::of({200, 4}, rows)}},
        g{{"proposals.0", Tensor::of({int64_t(got.size() / 4), 4}, got)}};
    const StageDiff d = diff_stages(w, g, 1e-4).at(0);
    return d.text + (d.beyond ? " beyond" : "");
  };
  CHECK(text(swapped) == "100.00% of the rows found, 200 rows for 200");
  other = rows;
  for (size_t i = 0; i < 2; ++i) other[4 * i] += 1;
  CHECK(text(other) == "99.00% of the rows found, 200 rows for 200");
  other[4 * 2] += 1;
  CHECK(text(other) == "98.50% of the rows found, 200 rows for 200 beyond");
  other.assign(rows.begin(), rows.end() - 12);
  CHECK(text(other) == "98.50% of the rows found, 197 rows for 200 beyond");
}

TEST_CASE("stage diff: what belongs to detections is compared row by row, as they were found") {
  Stages want = detections({0, 0, 9, 9, 20, 20, 40, 40}, {0.9f, 0.8f});
  Stages got = detections({20, 20, 40, 40, 0, 0, 9, 9}, {0.8f, 0.9f});
  want["mask_logits"] = Tensor::of<float>({2, 1, 1, 1}, {5, 7});
  got["mask_logits"] = Tensor::of<float>({2, 1, 1, 1}, {7, 5});
  CHECK(beyond(diff_stages(want, got, 1e-6)) == 0);
  got["detections.scores"].data<float>()[0] = 0.7f;  // as far as ten pixels
  const auto all = diff_stages(want, got, 1e-6);
  CHECK(find(all, "detections.boxes").text == "50.00% of the rows found, 2 rows for 2, relative L2 error 0.00e+00");
  CHECK(find(all, "detections.boxes").beyond);
  CHECK_FALSE(find(all, "mask_logits").beyond);
}
