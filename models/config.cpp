#include "models/config.h"

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

}  // namespace

void validate(const ModelConfig& c) {
  check(c.backbone == "resnet18" || c.backbone == "resnet34" || c.backbone == "resnet50" || c.backbone == "resnet101",
        "config: model.backbone is {}; resnet18, resnet34, resnet50 or resnet101 expected", c.backbone);
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
  at_least("rpn.train_candidates", c.rpn.train_candidates, 1);
  at_least("rpn.test_candidates", c.rpn.test_candidates, 1);
  at_least("rpn.train_proposals", c.rpn.train_proposals, 1);
  at_least("rpn.test_proposals", c.rpn.test_proposals, 1);
  at_least("rpn.samples_per_image", c.rpn.sampler.per_image, 1);
  at_least("rois_per_image", c.box.sampler.per_image, 1);
  at_least("detections", c.box.detections, 1);
  in_range("rpn.positive_fraction", c.rpn.sampler.positive, 0, 1);
  in_range("positive_fraction", c.box.sampler.positive, 0, 1);
  in_range("rpn.nms_threshold", c.rpn.nms_threshold, 0, 1);
  in_range("nms_threshold", c.box.nms_threshold, 0, 1);
  in_range("score_threshold", c.box.score_threshold, 0, 1);
  in_range("mask_threshold", c.mask_threshold, 0, 1);
  at_least("min_size", c.min_size, 1);
  check(c.max_size >= c.min_size, "config: model.max_size is {}, at least min_size ({}) expected", c.max_size,
        c.min_size);
}

}  // namespace sil
