// Small models against torchvision: tests/reference/make_model_goldens.py stored what it computes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "nn/safetensors.h"
#include "nn/state_dict.h"
#include "small.h"
#include "tensor/ops.h"

using namespace sil;
using namespace sil::test;

namespace {

double gain_of(const std::string& name) {
  const std::pair<const char*, double> gains[] = {
      {"cls_score.", 4.0}, {"cls_logits.", 1.0}, {"bbox_pred.", 0.15}, {"mask_fcn_logits.", 4.0}};
  for (const auto& [part, gain] : gains)
    if (name.find(part) != std::string::npos) return gain;
  return 1;
}

// The weight that the maker of the goldens gives this name, in the file's layout.
Tensor formula_weight(const std::string& name, const Shape& shape) {
  const bool norm = name.find(".bn") != std::string::npos || name.find("downsample.1") != std::string::npos;
  const bool deconvolution = name.find("conv5_mask") != std::string::npos;
  const double fan_in = double(deconvolution ? shape[0] : shape.numel() / std::max<int64_t>(shape[0], 1));
  const std::vector<double> u = formula(name, shape.numel());
  const auto fill = [&](auto value) {
    std::vector<float> out(u.size());
    std::transform(u.begin(), u.end(), out.begin(), [&](double x) { return float(value(x)); });
    return Tensor::of(shape, out);
  };
  if (name.ends_with("running_var")) return fill([](double x) { return 0.5 + x; });
  if (name.ends_with("running_mean")) return fill([](double x) { return 0.2 * (x - 0.5); });
  if (norm && name.ends_with("weight")) return fill([](double x) { return 0.5 * (0.5 + x); });
  if (name.ends_with("bias")) return fill([&](double x) { return (norm ? 0.2 : 0.1) * (x - 0.5); });
  const double bound = gain_of(name) * std::sqrt(6 / fan_in);
  return fill([&](double x) { return bound * (2 * x - 1); });
}

MaskRcnn formula_model(const ModelConfig& config) {
  MaskRcnn model(config, RngKey{});
  StateDict dict;
  for (const Leaf& leaf : leaves(model)) {
    if (leaf.name.ends_with("num_batches_tracked")) continue;
    dict[leaf.name] = formula_weight(leaf.name, file_shape(leaf.value().shape(), leaf.layout()));
  }
  load_state_dict_exact(leaves(model), dict, "formula");
  return model;
}

// Norm and eight elements, as the goldens hold of a large tensor.
std::vector<double> sampled(const Tensor& t) {
  const std::vector<float> x = t.to_vector<float>();
  double sum = 0;
  for (float v : x) sum += double(v) * double(v);
  std::vector<double> out{std::sqrt(sum)};
  for (size_t i = 0; i < 8; ++i) out.push_back(x[i * (x.size() - 1) / 7]);
  return out;
}

// Of `want`'s norm: the norms differ by less than rtol, and each element by less than rtol * norm / sqrt(n) * 10.
void check_sampled(const std::string& name, const Tensor& got, const Tensor& want, double rtol) {
  INFO(name);
  const std::vector<double> g = sampled(got);
  const std::vector<float> w = want.to_vector<float>();
  CHECK(std::abs(g[0] - w[0]) <= rtol * w[0]);
  const double typical = double(w[0]) / std::sqrt(double(got.numel()));
  for (size_t i = 1; i < 9; ++i) CHECK(std::abs(g[i] - w[i]) <= rtol * (10 * typical + std::abs(double(w[i]))));
}

struct Keep : Probe {
  std::map<std::string, Tensor> stages;
  Tensor stage(const std::string& name, const Tensor& t) override {
    stages[name] = t;
    return {};
  }
};

struct Case {
  const char* name;
  const char* backbone;
  NormKind norm;
  int layers, mask_size;
};
const Case kCases[] = {{"r18_frozen_bn", "resnet18", NormKind::frozen_bn, 3, 28},
                       {"r18_batch_norm", "resnet18", NormKind::batch_norm, 5, 28},
                       {"r50_group_norm", "resnet50", NormKind::group_norm, 5, 14}};

ModelConfig config_of(const Case& c) {
  ModelConfig config = small_config();
  config.backbone = c.backbone, config.norm = c.norm, config.trainable_layers = c.layers;
  config.mask_size = c.mask_size;
  config.rpn.train_proposals = 300, config.rpn.test_proposals = 200;
  config.rpn.sampler.per_image = config.box.sampler.per_image = 1'000'000;  // every candidate
  return config;
}

std::map<std::string, Tensor> golden(const Case& c) {
  return read_safetensors(fmt::format("{}/tests/golden/models/{}.safetensors", SIL_SOURCE_DIR, c.name)).tensors;
}

// Rows of `got` that are not a row of `want`, within a tolerance in pixels.
int64_t strangers(const Tensor& got, const Tensor& want, float tolerance) {
  int64_t count = 0;
  for (int64_t i = 0; i < got.dim(0); ++i) {
    bool found = false;
    for (int64_t j = 0; j < want.dim(0) && !found; ++j) {
      float d = 0;
      for (int c = 0; c < 4; ++c)
        d = std::max(d, std::abs(got.data<float>()[4 * i + c] - want.data<float>()[4 * j + c]));
      found = d <= tolerance;
    }
    count += !found;
  }
  return count;
}

// How many detections of photo n torchvision does not have: label, score, box in pixels, and a mask area between its
// masks' at slightly higher and lower thresholds.
int64_t unmatched(const PhotoDetections& d, const std::map<std::string, Tensor>& want, size_t n) {
  const auto of = [&](const char* what) { return want.at(fmt::format("{}.{}", what, n)); };
  const std::vector<float> scores = of("scores").to_vector<float>(), boxes = of("boxes").to_vector<float>();
  const std::vector<int64_t> labels = of("labels").to_vector<int64_t>(), areas = of("areas").to_vector<int64_t>();
  int64_t count = 0;
  for (size_t i = 0; i < d.scores.size(); ++i) {
    bool found = false;
    for (size_t j = 0; j < scores.size() && !found; ++j) {
      found = d.labels[i] == labels[j] && std::abs(d.scores[i] - scores[j]) < 1e-4f;
      for (size_t k = 0; k < 4; ++k) found &= std::abs(d.boxes[i][k] - boxes[4 * j + k]) < 0.01f;
      const int64_t pixels = int64_t(area(d.masks[i]));
      found &= areas[2 * j] <= pixels && pixels <= areas[2 * j + 1];
    }
    count += !found;
  }
  return count;
}

}  // namespace

TEST_CASE("mask_rcnn: losses and gradients equal torchvision's") {
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    const auto want = golden(c);
    MaskRcnn model = formula_model(config_of(c));
    const Losses losses = model.losses(two_photos(), Mode::train, RngKey{});
    for (size_t i = 0; i < 5; ++i) {
      CAPTURE(kLossNames[i]);
      const double w = want.at("losses").to_vector<float>()[i];
      CHECK(losses.all()[i].value().item() == doctest::Approx(w).epsilon(1e-4));
    }
    backward(losses.all());
    const StateDict grads = gradients(leaves(model));
    size_t expected = 0;
    for (const auto& [name, w] : want) {
      if (!name.starts_with("grad.")) continue;
      ++expected;
      REQUIRE_MESSAGE(grads.contains(name.substr(5)), name);
      check_sampled(name, grads.at(name.substr(5)), w, 3e-3);
    }
    CHECK(grads.size() == expected);
    const StateDict state = state_dict(leaves(model));
    for (const auto& [name, w] : want)
      if (name.starts_with("buffer.")) check_sampled(name, state.at(name.substr(7)), w, 1e-4);
  }
}

namespace {

// How far the norms and elements of c2..c5 are from torchvision's, the worst, relative to the norm.
double backbone_error(const Case& c, float eps) {
  ModelConfig config = config_of(c);
  config.norm_eps = eps;
  MaskRcnn model = formula_model(config);
  Keep keep;
  model.detect(two_photos(), &keep);
  double worst = 0;
  for (const char* name : {"c2", "c3", "c4", "c5"}) {
    const std::vector<double> got = sampled(keep.stages.at(name));
    const std::vector<float> want = golden(c).at(fmt::format("stage.{}", name)).to_vector<float>();
    worst = std::max(worst, std::abs(got[0] / double(want[0]) - 1));
  }
  return worst;
}

}  // namespace

TEST_CASE("mask_rcnn: c2..c5 equal torchvision's closely enough to tell the norms' epsilon, 1e-5, from 0") {
  CHECK(backbone_error(kCases[0], 1e-5f) < 2e-6);
  CHECK(backbone_error(kCases[0], 0) > 2e-5);
}

TEST_CASE("mask_rcnn: features, proposals and detections equal torchvision's") {
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    const auto want = golden(c);
    MaskRcnn model = formula_model(config_of(c));
    Keep keep;
    const Batch batch = two_photos();
    const std::vector<PhotoDetections> found = model.detect(batch, &keep);
    const char* levels[] = {"0", "1", "2", "3", "pool"};
    for (int l = 0; l < 5; ++l)
      check_sampled(fmt::format("p{}", l + 2), keep.stages.at(fmt::format("p{}", l + 2)),
                    want.at(fmt::format("feature.{}", levels[l])), 1e-4);
    for (size_t n = 0; n < 2; ++n) {
      const Tensor &p = keep.stages.at(fmt::format("proposals.{}", n)), &w = want.at(fmt::format("proposals.{}", n));
      CHECK(std::abs(p.dim(0) - w.dim(0)) <= 2);
      CHECK(strangers(p, w, 0.02f) <= p.dim(0) / 100);

      // As sets: rounding may swap neighbours of equal score.
      const int64_t count = int64_t(found[n].scores.size()), found_rows = count - unmatched(found[n], want, n);
      CHECK(count == want.at(fmt::format("scores.{}", n)).dim(0));
      CHECK(found_rows >= count - count / 50);
    }
    // Without a probe the mask logits of the found classes alone are computed: the same masks.
    const std::vector<PhotoDetections> again = model.detect(batch);
    for (size_t n = 0; n < 2; ++n)
      for (size_t i = 0; i < again[n].masks.size(); ++i)
        CHECK(iou(again[n].masks[i], found[n].masks[i], false) >= (area(found[n].masks[i]) ? 0.99 : 0.0));
  }
}
