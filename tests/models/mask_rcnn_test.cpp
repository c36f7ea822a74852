#include "models/mask_rcnn.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "models/heads.h"
#include "models/roi_sampler.h"
#include "nn/state_dict.h"
#include "nn/torch_random.h"
#include "small.h"
#include "tensor/check.h"

using namespace sil;
using namespace sil::test;

namespace {

void check_finite(const Losses& losses) {
  const std::vector<Var> all = losses.all();
  for (size_t i = 0; i < all.size(); ++i) CHECK_MESSAGE(std::isfinite(all[i].value().item()), kLossNames[i]);
}

// One photo of 64 x 64 with these objects.
Batch one_photo(const std::vector<Object>& objects) {
  return collate({example(formula_photo("one", 64, 64), objects, {64, 64})});
}

}  // namespace

TEST_CASE("mask_rcnn: every parameter that trains gets a gradient, with every norm and mask size") {
  const struct {
    const char* backbone;
    NormKind norm;
    int layers, mask_size;
  } cases[] = {{"resnet18", NormKind::frozen_bn, 3, 14},
               {"resnet34", NormKind::group_norm, 5, 28},
               {"resnet50", NormKind::batch_norm, 5, 14}};
  for (const auto& c : cases) {
    CAPTURE(c.backbone);
    ModelConfig config = small_config();
    config.backbone = c.backbone, config.norm = c.norm, config.trainable_layers = c.layers;
    config.mask_size = c.mask_size;
    MaskRcnn model(config, 1);
    const Losses losses = model.losses(one_photo({{{10, 10, 50, 44}, 1}}), Mode::train, RngKey{2});
    check_finite(losses);
    backward(losses.all());
    for (const Leaf& leaf : leaves(model)) {
      CAPTURE(leaf.name);
      if (leaf.trainable()) {
        REQUIRE(leaf.parameter->var.grad().defined());
        const std::vector<float> grad = leaf.parameter->var.grad().to_vector<float>();
        CHECK(std::any_of(grad.begin(), grad.end(), [](float g) { return g != 0; }));
      }
      const bool early = leaf.name.starts_with("backbone.body.conv1") || leaf.name.starts_with("backbone.body.layer1");
      if (c.layers == 3 && early) CHECK(!leaf.trainable());
    }
  }
}

TEST_CASE("roi_sampler: rows are padded with empty ones to few counts") {
  CHECK(row_capacity(0) == 0);
  CHECK(row_capacity(1) == 8);
  CHECK(row_capacity(128) == 128);
  CHECK(row_capacity(129) == 144);
  CHECK(row_capacity(2000) == 2048);
  for (int64_t n = 64; n < 5000; ++n) {
    REQUIRE(row_capacity(n) >= n);
    REQUIRE(row_capacity(n) <= n + n / 8);
  }

  const Batch batch = two_photos();
  const Rois proposals{Tensor::of<float>({3, 4}, {0, 0, 9, 9, 70, 70, 80, 80, 1, 1, 30, 30}),
                       Tensor::of<int32_t>({3}, {0, 0, 1})};
  BoxConfig config;
  config.sampler.positive = 1;
  const Samples s = sample_rois(proposals, batch.targets, 2, config, Tensor::zeros({1}, DType::i64));
  const int64_t objects = batch.targets.count();
  const int64_t count = s.count.to_vector<int32_t>()[0];
  CHECK(count == 3 + objects);
  REQUIRE(s.rois.count() == row_capacity(count));
  REQUIRE(s.positive.dim(0) == 8);
  const auto image = s.rois.image.to_vector<int32_t>(), labels = s.labels.to_vector<int32_t>();
  for (int64_t r = 0; r < s.rois.count(); ++r) {
    CHECK((image[size_t(r)] >= 0) == (r < count));
    CHECK((labels[size_t(r)] >= 0) == (r < count));
  }
  const auto filled = [&](const Tensor& t) {
    const auto v = t.to_vector<int32_t>();
    return std::count_if(v.begin(), v.end(), [](int32_t i) { return i >= 0; });
  };
  for (const Tensor& t : {s.positive, s.positive_rois.image, s.positive_labels, s.positive_object})
    CHECK(filled(t) >= objects);
  CHECK(filled(s.positive) == filled(s.positive_rois.image));
}

TEST_CASE("mask_rcnn: names and shapes of a state dict") {
  ModelConfig config;  // torchvision's
  MaskRcnn model(config, 0);
  std::map<std::string, Shape> shapes;
  for (const Leaf& leaf : leaves(model)) shapes[leaf.name] = file_shape(leaf.value().shape(), leaf.layout());
  CHECK(shapes.at("backbone.body.conv1.weight") == Shape{64, 3, 7, 7});
  CHECK(shapes.at("backbone.body.layer1.0.downsample.0.weight") == Shape{256, 64, 1, 1});
  CHECK(shapes.at("backbone.body.layer4.2.bn3.running_var") == Shape{2048});
  CHECK(shapes.at("backbone.fpn.inner_blocks.3.0.weight") == Shape{256, 2048, 1, 1});
  CHECK(shapes.at("rpn.head.conv.0.0.weight") == Shape{256, 256, 3, 3});
  CHECK(shapes.at("rpn.head.bbox_pred.weight") == Shape{12, 256, 1, 1});
  CHECK(shapes.at("roi_heads.box_head.fc6.weight") == Shape{1024, 12544});
  CHECK(shapes.at("roi_heads.box_predictor.bbox_pred.bias") == Shape{364});
  CHECK(shapes.at("roi_heads.mask_head.3.0.weight") == Shape{256, 256, 3, 3});
  CHECK(shapes.at("roi_heads.mask_predictor.conv5_mask.weight") == Shape{256, 256, 2, 2});
  CHECK(shapes.at("roi_heads.mask_predictor.mask_fcn_logits.weight") == Shape{91, 256, 1, 1});
  // torchvision's count for maskrcnn_resnet50_fpn, and its frozen norms' vectors.
  int64_t parameters = 0;
  for (const Leaf& leaf : leaves(model))
    if (leaf.parameter) parameters += leaf.value().numel();
  CHECK(parameters == 44401393);
}

TEST_CASE("mask_rcnn: a photo without objects gives zero mask loss and zero mask gradients") {
  MaskRcnn model(small_config(), 1);
  const Losses losses = model.losses(one_photo({}), Mode::train, RngKey{2});
  check_finite(losses);
  CHECK(losses.mask.value().item() == 0);
  CHECK(losses.box.value().item() == 0);
  CHECK(losses.rpn_box.value().item() == 0);
  backward(losses.all());
  for (const Leaf& leaf : trainable(leaves(model))) {
    CAPTURE(leaf.name);
    REQUIRE(leaf.parameter->var.grad().defined());
    if (leaf.name.find("mask") == std::string::npos) continue;
    for (float g : leaf.parameter->var.grad().to_vector<float>()) REQUIRE(g == 0);
  }
}

TEST_CASE("mask_rcnn: 500 objects, objects of one pixel and without area are finite") {
  std::vector<Object> many;
  for (int i = 0; i < 500; ++i) {
    const float x = float(i % 25) * 2.5f, y = float(i / 25) * 3;
    many.push_back({{x, y, x + float(i % 7), y + float(i % 5)}, 1 + i % 3});  // some have no area
  }
  MaskRcnn model(small_config(), 1);
  for (const auto& objects : {many, std::vector<Object>{{{5, 5, 6, 6}, 1}}, std::vector<Object>{{{5, 5, 5, 5}, 1}}}) {
    const Losses losses = model.losses(one_photo(objects), Mode::train, RngKey{2});
    check_finite(losses);
    backward(losses.all());
    for (const Leaf& leaf : trainable(leaves(model))) {
      const Tensor g = leaf.parameter->var.grad();
      if (g.defined()) CHECK_MESSAGE(ops::all_finite(g), leaf.name);
      leaf.parameter->var.zero_grad();
    }
  }
}

TEST_CASE("mask_rcnn: in evaluation the losses are the same twice, record no tape and leave running statistics") {
  ModelConfig config = small_config();
  config.norm = NormKind::batch_norm, config.trainable_layers = 5;
  MaskRcnn model(config, 1);
  const StateDict before = state_dict(leaves(model));
  const Losses a = model.losses(two_photos(), Mode::test, RngKey{3});
  const Losses b = model.losses(two_photos(), Mode::test, RngKey{3});
  for (size_t i = 0; i < 5; ++i) {
    CHECK(a.all()[i].value().item() == b.all()[i].value().item());
    CHECK(!a.all()[i].needs_grad());
  }
  const std::string name = "backbone.body.bn1.running_mean";
  CHECK(state_dict(leaves(model)).at(name).to_vector<float>() == before.at(name).to_vector<float>());
}

TEST_CASE("mask_rcnn: in evaluation the losses take the test's counts of proposals") {
  const auto losses_of = [](int train, int test) {
    ModelConfig config = small_config();
    config.rpn.train_candidates = config.rpn.train_proposals = train;
    config.rpn.test_candidates = config.rpn.test_proposals = test;
    std::vector<double> out;
    for (const Var& loss : MaskRcnn(config, 1).losses(two_photos(), Mode::test, RngKey{3}).all())
      out.push_back(loss.value().item());
    return out;
  };
  CHECK(losses_of(40, 3) == losses_of(3, 3));
  CHECK(losses_of(40, 3) != losses_of(40, 40));
}

TEST_CASE("mask_rcnn: losses and detections of one pass are those of two") {
  ModelConfig config = small_config();
  config.box.score_threshold = 0;
  MaskRcnn model(config, 5);
  const Batch batch = two_photos();
  const auto [losses, found] = model.losses_and_detections(batch, RngKey{1});
  const std::vector<Var> once = losses.all(), twice = model.losses(batch, Mode::test, RngKey{1}).all();
  for (size_t i = 0; i < once.size(); ++i) {
    CHECK(once[i].value().item() == twice[i].value().item());
    CHECK_FALSE(once[i].needs_grad());
  }
  const std::vector<PhotoDetections> alone = model.detect(batch);
  REQUIRE(found.size() == alone.size());
  for (size_t n = 0; n < found.size(); ++n) {
    REQUIRE(!alone[n].boxes.empty());
    CHECK(found[n].boxes == alone[n].boxes);
    CHECK(found[n].scores == alone[n].scores);
  }
}

TEST_CASE("mask_rcnn: detections lie in the original photo, best first, masks of its size") {
  ModelConfig config = small_config();
  config.box.score_threshold = 0.2f;  // random weights: about 1/4 for each class
  config.box.detections = 20;
  MaskRcnn model(config, 1);
  const Batch batch = two_photos();
  const std::vector<PhotoDetections> found = model.detect(batch);
  REQUIRE(found.size() == 2);
  for (size_t n = 0; n < 2; ++n) {
    const PhotoDetections& d = found[n];
    const auto [height, width] = batch.original[n];
    REQUIRE(!d.scores.empty());
    CHECK(d.scores.size() <= 20);
    for (size_t i = 0; i < d.scores.size(); ++i) {
      if (i > 0) CHECK(d.scores[i] <= d.scores[i - 1]);
      CHECK(d.boxes[i][0] >= 0);
      CHECK(d.boxes[i][2] <= float(width) + 0.01f);
      CHECK(d.boxes[i][3] <= float(height) + 0.01f);
      CHECK(d.labels[i] >= 1);
      CHECK(d.labels[i] < 4);
      CHECK(d.masks[i].height == height);
      CHECK(d.masks[i].width == width);
    }
  }
}

TEST_CASE("mask_rcnn: folded, it detects the same; in bfloat16 nearly") {
  ModelConfig config = small_config();
  config.norm = NormKind::batch_norm, config.trainable_layers = 5, config.box.score_threshold = 0.2f;
  const Batch batch = two_photos();
  MaskRcnn plain(config, 1), folded(config, 1), narrow(config, 1);
  folded.fold();
  narrow.fold(DType::bf16);
  const auto a = plain.detect(batch), b = folded.detect(batch), c = narrow.detect(batch);
  for (size_t n = 0; n < 2; ++n) {
    REQUIRE(b[n].scores.size() == a[n].scores.size());
    for (size_t i = 0; i < a[n].scores.size(); ++i)
      CHECK(b[n].scores[i] == doctest::Approx(a[n].scores[i]).epsilon(1e-3));
    REQUIRE(!c[n].scores.empty());
    CHECK(c[n].scores[0] == doctest::Approx(a[n].scores[0]).epsilon(0.05));
  }
  CHECK_THROWS_WITH_AS(folded.losses(batch, Mode::train, RngKey{}), "losses: a folded model does not train", Error);
}

TEST_CASE("mask_rcnn: what it is given is checked") {
  MaskRcnn model(small_config(), 1);
  CHECK_THROWS_WITH_AS(model.losses(one_photo({{{1, 1, 9, 9}, 4}}), Mode::train, RngKey{}),
                       "mask_rcnn: an object's label is 4, the model's are 1 to 3", Error);
  Batch batch = one_photo({});
  batch.photos = Tensor::zeros({1, 60, 64, 3});
  CHECK_THROWS_WITH_AS(model.detect(batch),
                       "mask_rcnn: photos are [1, 60, 64, 3]; height and width padded to a multiple of 32 expected",
                       Error);
}

TEST_CASE("config: a value out of range names the key and what is allowed") {
  ModelConfig c;
  c.mask_size = 20;
  CHECK_THROWS_WITH_AS(validate(c), "config: model.mask_size is 20; one of 14, 28 expected", Error);
  c = {};
  c.backbone = "vgg";
  CHECK_THROWS_WITH_AS(
      validate(c),
      R"(config: model.backbone is "vgg"; one of "resnet18", "resnet34", "resnet50", "resnet101" expected)", Error);
  c = {};
  c.rpn.train_candidates = 0;  // under the key that a config file has
  CHECK_THROWS_WITH_AS(validate(c), "config: model.rpn_train_candidates is 0; an integer from 1 to 2147483647 expected",
                       Error);
  c = {};
  c.box.score_threshold = NAN;  // that key is among the hyperparameters
  CHECK_THROWS_WITH_AS(validate(c), "config: train.score_threshold is nan; a number from 0 to 1 expected", Error);
  c = {};
  c.box.matcher = {0, 0, false};
  CHECK_THROWS_WITH_AS(validate(c), "config: model.roi_foreground_iou is 0; a number above 0 and up to 1 expected",
                       Error);
}

TEST_CASE("mask head: the logits of one class are those of all, picked") {
  const ModelConfig config = small_config();
  MaskHead head(config);
  TorchRandom random(1);
  for (const Leaf& leaf : leaves(head)) leaf.set(random.normal(leaf.value().shape(), 0.1));
  const Tensor x = Tensor::of<float>({2, 1, 1, 64}, [] {
    std::vector<float> v;
    for (double u : formula("x", 128)) v.push_back(float(u));
    return v;
  }());
  const Tensor features = head.features(x).value();
  const Tensor all = head.mask_fcn_logits(features).value(),
               one = head.logits_of(features, Tensor::of<int32_t>({2}, {3, 1}));
  CHECK(one.shape() == Shape{2, 2, 2});
  for (size_t i = 0; i < 8; ++i) {
    const size_t label = i < 4 ? 3 : 1;
    CHECK(one.to_vector<float>()[i] == doctest::Approx(all.to_vector<float>()[i * 4 + label]).epsilon(1e-4));
  }
}
