// Everything about a model that is not a weight.  Defaults are torchvision's maskrcnn_resnet50_fpn.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "nn/norm.h"
#include "tensor/kernels.h"

namespace sil {

struct Field;  // models/field.h

// Where the smooth L1 of box deltas turns from a square into a line.
constexpr double kBoxBeta = 1.0 / 9;

struct RpnConfig {
  BoxCoderGeom coder{1, 1, 1, 1};
  MatcherGeom matcher{0.7f, 0.3f, true};
  SamplerGeom sampler{256, 0.5};
  int train_candidates = 2000, test_candidates = 1000;  // best by logit, per level
  int train_proposals = 2000, test_proposals = 1000;    // kept over all levels
  double nms_threshold = 0.7;                           // compared in double, as torchvision's
  float min_side = 1e-3f;
};

struct BoxConfig {
  BoxCoderGeom coder{10, 10, 5, 5};
  MatcherGeom matcher{0.5f, 0.5f, false};
  SamplerGeom sampler{512, 0.25};
  float score_threshold = 0.05f;
  double nms_threshold = 0.5;
  float min_side = 1e-2f;
  int detections = 100;  // best per photo
};

struct ModelConfig {
  std::string backbone = "resnet50";  // resnet18, resnet34, resnet50, resnet101
  NormKind norm = NormKind::frozen_bn;
  float norm_eps = 1e-5f;
  int trainable_layers = 3;  // of layer4, layer3, layer2, layer1, conv1; all 5 train without pretrained weights
  int fpn_channels = 256;
  std::array<float, 5> anchor_sizes{32, 64, 128, 256, 512};  // one a level
  std::array<float, 3> anchor_ratios{0.5f, 1.0f, 2.0f};      // height / width
  int box_head_width = 1024;
  int mask_head_width = 256;
  int mask_head_layers = 4;
  int mask_size = 28;    // 28 (RoIAlign 14) or 14 (RoIAlign 7), one deconvolution
  int num_classes = 91;  // with background
  RpnConfig rpn;
  BoxConfig box;
  float mask_threshold = 0.5f;
  int min_size = 800, max_size = 1333;  // of the photo, unless a Resize augmentation rules
};

// Every key of the block model with what it may be, and the three of the block train that are the model's: the one
// table that reading, writing and validate() share.
std::vector<Field> fields_of(ModelConfig&);
std::vector<Field> thresholds_of(ModelConfig&);

// Throws an Error that names the key, what was given and what is allowed.
void validate(const ModelConfig&);

}  // namespace sil
