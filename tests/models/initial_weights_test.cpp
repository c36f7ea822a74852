// A new model's weights are torchvision's of the same seed: tests/reference/make_initial_goldens.py stored what these
// are.
#include "models/initial_weights.h"

#include <doctest/doctest.h>

#include "models/mask_rcnn.h"
#include "nn/safetensors.h"
#include "nn/state_dict.h"
#include "sampled.h"

using namespace sil;
using namespace sil::test;

namespace {

void check_weights(MaskRcnn& model, const std::string& golden) {
  const StateDict want = read_safetensors(fmt::format("{}/tests/golden/models/{}", SIL_SOURCE_DIR, golden)).tensors,
                  got = state_dict(leaves(model));
  REQUIRE(want.size() > 50);
  for (const auto& [name, w] : want) {
    INFO(name);
    REQUIRE(got.contains(name));
    // A bias that torchvision sets to 0 is 0 in every element, not in the sampled ones alone.
    if (name.ends_with("bias") && w.to_vector<float>()[0] == 0)
      for (float x : got.at(name).to_vector<float>()) CHECK(x == 0);
    else
      check_sampled(name, got.at(name), w, 1e-6);
  }
}

}  // namespace

TEST_CASE("initial weights: ResNet-50 with 91 classes starts as torchvision's does after manual_seed(0)") {
  ModelConfig config;
  config.backbone = "resnet50", config.num_classes = 91;
  MaskRcnn model(config, 0);
  check_weights(model, "initial_r50_seed_0.safetensors");
}

TEST_CASE("initial weights: ResNet-18 with 4 classes starts as torchvision's does after manual_seed(7)") {
  ModelConfig config;
  config.backbone = "resnet18", config.num_classes = 4, config.norm = NormKind::batch_norm;
  MaskRcnn model(config, 7), other(config, 8);
  check_weights(model, "initial_r18_seed_7.safetensors");
  CHECK(state_dict(leaves(model)).at("rpn.head.cls_logits.weight").to_vector<float>() !=
        state_dict(leaves(other)).at("rpn.head.cls_logits.weight").to_vector<float>());
}
