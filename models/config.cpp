#include "models/config.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/resnet.h"
#include "tensor/check.h"

namespace sil {
namespace {

// Written so that NaN fails.
void in_range(const char* key, double value, double low, double high) {
  check(value >= low && value <= high, "config: model.{} is {}, {} to {} allowed", key, value, low, high);
}

void at_least(const char* key, int64_t value, int64_t low) {
  check(value >= low, "config: model.{} is {}, at least {} expected", key, value, low);
}

void in_order(const char* part, const MatcherGeom& matcher) {
  in_range(fmt::format("{}_foreground_iou", part).c_str(), matcher.foreground, 0, 1);
  check(matcher.background >= 0 && matcher.background <= matcher.foreground,
        "config: model.{0}_background_iou is {1}, at most model.{0}_foreground_iou ({2}) expected", part,
        matcher.background, matcher.foreground);
}

}  // namespace

void validate(const ModelConfig& c) {
  const std::vector<std::string> backbones = backbone_names();
  check(std::count(backbones.begin(), backbones.end(), c.backbone) > 0, "config: model.backbone is {}; {} expected",
        c.backbone, fmt::join(backbones, ", "));
  in_range("norm_eps", c.norm_eps, 0, 1);
  in_range("trainable_layers", c.trainable_layers, 0, 5);
  at_least("fpn_channels", c.fpn_channels, 1);
  for (float size : c.anchor_sizes) in_range("anchor_sizes", size, 1, 1e6);
  for (float ratio : c.anchor_ratios) in_range("anchor_ratios", ratio, 1e-3, 1e3);
  at_least("box_head_width", c.box_head_width, 1);
  at_least("mask_head_width", c.mask_head_width, 1);
  at_least("mask_head_layers", c.mask_head_layers, 0);
  check(c.mask_size == 28 || c.mask_size == 14, "config: model.mask_size is {}, 28 or 14 expected", c.mask_size);
  check(c.num_classes >= 2, "config: model.num_classes is {}, at least 2 expected (background is one)", c.num_classes);
  at_least("rpn_train_candidates", c.rpn.train_candidates, 1);
  at_least("rpn_test_candidates", c.rpn.test_candidates, 1);
  at_least("rpn_train_proposals", c.rpn.train_proposals, 1);
  at_least("rpn_test_proposals", c.rpn.test_proposals, 1);
  at_least("rpn_anchors_per_image", c.rpn.sampler.per_image, 1);
  at_least("rois_per_image", c.box.sampler.per_image, 1);
  at_least("detections_per_image", c.box.detections, 1);
  in_range("rpn_positive_fraction", c.rpn.sampler.positive, 0, 1);
  in_range("roi_positive_fraction", c.box.sampler.positive, 0, 1);
  in_range("rpn_nms_threshold", c.rpn.nms_threshold, 0, 1);
  in_range("nms_threshold", c.box.nms_threshold, 0, 1);
  in_range("score_threshold", c.box.score_threshold, 0, 1);
  in_range("mask_threshold", c.mask_threshold, 0, 1);
  in_order("rpn", c.rpn.matcher);
  in_order("roi", c.box.matcher);
  at_least("min_size", c.min_size, 1);
  check(c.max_size >= c.min_size, "config: model.max_size is {}, at least min_size ({}) expected", c.max_size,
        c.min_size);
}

}  // namespace sil
