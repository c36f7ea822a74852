// Small models against torchvision, on the CPU by test_models, on a GPU by test_gpu:
// tests/reference/make_model_goldens.py stored what it computes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "models/stages.h"
#include "nn/safetensors.h"
#include "nn/state_dict.h"
#include "sampled.h"
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
  MaskRcnn model(config);
  StateDict dict;
  for (const Leaf& leaf : leaves(model)) {
    if (leaf.name.ends_with("num_batches_tracked")) continue;
    dict[leaf.name] = formula_weight(leaf.name, file_shape(leaf.value().shape(), leaf.layout()));
  }
  load_state_dict_exact(leaves(model), dict, "formula");
  return model;
}

// float64 is the CPU's alone.
std::vector<DType> dtypes() {
  return where() == Device::cpu() ? std::vector{DType::f32, DType::f64} : std::vector{DType::f32};
}

struct Case {
  const char* name;
  const char* backbone;
  NormKind norm;
  int layers, mask_size;
  Batch (*batch)(Device);
};

// So low that padding to 64 makes it more than sqrt(2) times as high.
Batch thin_photo(Device device) {
  return collate(
      {example(formula_photo("photo0", 40, 128), {{{8.5f, 4, 60, 38.5f}, 1}, {{50, 10, 120, 40}, 2}}, {40, 128})},
      device);
}

const Case kCases[] = {{"r18_frozen_bn", "resnet18", NormKind::frozen_bn, 3, 28, two_photos},
                       {"r18_batch_norm", "resnet18", NormKind::batch_norm, 5, 28, two_photos},
                       {"r50_group_norm", "resnet50", NormKind::group_norm, 5, 14, two_photos},
                       {"r18_thin", "resnet18", NormKind::frozen_bn, 3, 28, thin_photo}};

ModelConfig config_of(const Case& c) {
  ModelConfig config = small_config();
  config.backbone = c.backbone, config.norm = c.norm, config.trainable_layers = c.layers;
  config.mask_size = c.mask_size;
  config.rpn.train_proposals = 300, config.rpn.test_proposals = 200;
  every_candidate(config);
  return config;
}

Stages golden(const Case& c, DType dtype) {
  return read_safetensors(fmt::format("{}/tests/golden/models/{}{}.safetensors", SIL_SOURCE_DIR, c.name,
                                      dtype == DType::f64 ? "_f64" : ""))
      .tensors;
}

MaskRcnn formula_model(const Case& c, DType dtype) {
  MaskRcnn model = formula_model(config_of(c));
  if (dtype == DType::f64) model.widen();
  model.move_to(where());
  return model;
}

// The proposals that torchvision's heads saw.  In float64 ours see their own: they are the same.
Stages given(const Stages& want, const std::string& mode, DType dtype) {
  Stages out;
  if (dtype == DType::f64) return out;
  for (const char* name : {"proposals.0", "proposals.1"})
    if (want.contains(mode + name)) out[name] = want.at(mode + name);
  return out;
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

// float32: as sets, rounding may swap neighbours of equal score.  float64: row by row.
void check_proposals(const Tensor& got, const Tensor& want) {
  if (want.dtype() == DType::f32) {
    CHECK(std::abs(got.dim(0) - want.dim(0)) <= 2);
    CHECK(strangers(got, want, 0.02f) <= got.dim(0) / 100);
    return;
  }
  REQUIRE(got.shape() == want.shape());
  const std::vector<double> g = doubles(got), w = doubles(want);
  double most = 0;
  for (size_t i = 0; i < g.size(); ++i) most = std::max(most, std::abs(g[i] - w[i]));
  CHECK(most < 1e-9);
}

// Each stage of a pass against the golden's, named mode + stage: 1e-4 (mask logits 1e-3) in float32, 1e-9 in float64.
void check_stages(const Stages& got, const Stages& want, const std::string& mode, DType dtype) {
  size_t checked = 0;
  for (const auto& [name, w] : want) {
    if (!name.starts_with(mode)) continue;
    const std::string stage = name.substr(mode.size());
    INFO(name);
    REQUIRE(got.contains(stage));
    CHECK(got.at(stage).dtype() == dtype);
    ++checked;
    if (stage.starts_with("proposals.")) {
      check_proposals(got.at(stage), w);
      continue;
    }
    // Detections of nearly equal scores may change places, and with them the rows of the masks.
    if (mode == "infer." && stage.starts_with("mask_") && dtype == DType::f32) continue;
    check_sampled(name, got.at(stage), w, dtype == DType::f64 ? 1e-9 : stage == "mask_logits" ? 1e-3 : 1e-4);
  }
  CHECK(checked == (want.contains("boxes.1") ? 27 : 26));
}

// How many detections of photo n torchvision does not have: label, score, box in pixels, and a mask area between its
// masks' at slightly higher and lower thresholds.
int64_t unmatched(const PhotoDetections& d, const Stages& want, size_t n) {
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

TEST_CASE("mask_rcnn: each stage of a training step and each gradient equal torchvision's, in float32 and float64") {
  for (const Case& c : kCases)
    for (DType dtype : dtypes()) {
      CAPTURE(c.name);
      CAPTURE(name(dtype));
      const Stages want = golden(c, dtype);
      MaskRcnn model = formula_model(c, dtype);
      const Stages got = training_stages(model, c.batch(where()), given(want, "train.", dtype));
      check_stages(got, want, "train.", dtype);
      size_t gradients = 0;
      for (const auto& [stage, w] : want) {
        if (stage.starts_with("grad.")) {
          ++gradients;
          REQUIRE_MESSAGE(got.contains(stage), stage);
          check_sampled(stage, got.at(stage), w, dtype == DType::f64 ? 1e-7 : 3e-3);
        } else if (stage.starts_with("loss.")) {
          INFO(stage);
          CHECK(got.at(stage).item() == doctest::Approx(w.item()).epsilon(dtype == DType::f64 ? 1e-9 : 1e-4));
        }
      }
      CHECK(gradients ==
            size_t(std::count_if(got.begin(), got.end(), [](const auto& g) { return g.first.starts_with("grad."); })));
      const StateDict state = state_dict(leaves(model));
      for (const auto& [stage, w] : want)
        if (stage.starts_with("buffer."))
          check_sampled(stage, state.at(stage.substr(7)), w, dtype == DType::f64 ? 1e-9 : 1e-4);
    }
}

namespace {

// How far c2..c5 are from torchvision's.
struct BackboneError {
  double norm = 0, value = 0;  // the worst norm's, relative to it; the worst element's, relative to the typical one
};

BackboneError backbone_error(const Case& c, float eps) {
  ModelConfig config = config_of(c);
  config.norm_eps = eps;
  MaskRcnn model = formula_model(config);
  model.move_to(where());
  KeepStages keep;
  model.detect(c.batch(where()), &keep);
  const Stages all = golden(c, DType::f32);
  BackboneError worst;
  for (const std::string name : {"c2", "c3", "c4", "c5"}) {
    const std::vector<double> got = sampled(keep.stages.at(name)), want = doubles(all.at("infer." + name));
    const double typical = want[0] / std::sqrt(double(keep.stages.at(name).numel()));
    worst.norm = std::max(worst.norm, std::abs(got[0] - want[0]) / want[0]);
    for (size_t i = 1; i < got.size(); ++i) worst.value = std::max(worst.value, std::abs(got[i] - want[i]) / typical);
  }
  return worst;
}

}  // namespace

TEST_CASE("mask_rcnn: c2..c5 equal torchvision's closely enough to tell the norms' epsilon, 1e-5, from 0") {
  const BackboneError right = backbone_error(kCases[0], 1e-5f), wrong = backbone_error(kCases[0], 0);
  CHECK(right.norm < 2e-6);
  CHECK(right.value < 2e-5);
  CHECK(wrong.norm > 2e-5);
  CHECK(wrong.value > 2e-5);
}

TEST_CASE("mask_rcnn: each stage of detection equals torchvision's, in float32 and float64") {
  for (const Case& c : kCases)
    for (DType dtype : dtypes()) {
      CAPTURE(c.name);
      CAPTURE(name(dtype));
      const Stages want = golden(c, dtype);
      MaskRcnn model = formula_model(c, dtype);
      KeepStages keep(given(want, "infer.", dtype));
      model.detect(c.batch(where()), &keep);
      check_stages(keep.stages, want, "infer.", dtype);
    }
}

TEST_CASE("mask_rcnn: detections equal torchvision's") {
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    const Stages want = golden(c, DType::f32);
    MaskRcnn model = formula_model(c, DType::f32);
    KeepStages keep;
    const std::vector<PhotoDetections> found = model.detect(c.batch(where()), &keep);
    for (size_t n = 0; n < found.size(); ++n) {
      const int64_t count = int64_t(found[n].scores.size()), found_rows = count - unmatched(found[n], want, n);
      CHECK(count == want.at(fmt::format("scores.{}", n)).dim(0));
      CHECK(found_rows >= count - count / 50);
    }
    // Without a probe the mask logits of the found classes alone are computed: the same masks.
    const std::vector<PhotoDetections> again = model.detect(c.batch(where()));
    for (size_t n = 0; n < found.size(); ++n)
      for (size_t i = 0; i < again[n].masks.size(); ++i)
        CHECK(iou(again[n].masks[i], found[n].masks[i], false) >= (area(found[n].masks[i]) ? 0.99 : 0.0));
  }
}
