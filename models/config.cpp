#include "models/config.h"

#include "models/field.h"
#include "models/resnet.h"
#include "tensor/check.h"

namespace sil {
namespace {

void check_order(const char* part, const MatcherGeom& matcher) {
  check(matcher.background <= matcher.foreground,
        "config: model.{0}_background_iou is {1}, at most model.{0}_foreground_iou ({2}) expected", part,
        matcher.background, matcher.foreground);
}

}  // namespace

std::vector<Field> fields_of(ModelConfig& m) {
  return {
      field("model.backbone", m.backbone, backbone_names()),
      field("model.norm", m.norm, {"frozen_bn", "batch_norm", "group_norm"}),
      field("model.norm_eps", m.norm_eps, between(0, 1)),
      field("model.trainable_layers", m.trainable_layers, between(0, 5)),
      field("model.fpn_channels", m.fpn_channels, between(1, 4096)),
      field("model.anchor_sizes", m.anchor_sizes, between(1, 1e6)),
      field("model.anchor_ratios", m.anchor_ratios, between(1e-3, 1e3)),
      field("model.box_head_width", m.box_head_width, between(1, 16384)),
      field("model.mask_head_width", m.mask_head_width, between(1, 4096)),
      field("model.mask_head_layers", m.mask_head_layers, between(0, 16)),
      field("model.mask_size", m.mask_size, std::vector<int>{14, 28}),
      field("model.num_classes", m.num_classes, between(2, 100000)),
      field("model.min_size", m.min_size, between(1, 16384)),
      field("model.max_size", m.max_size, between(1, 16384)),
      field("model.rois_per_image", m.box.sampler.per_image, at_least(1)),
      field("model.roi_positive_fraction", m.box.sampler.positive, between(0, 1)),
      field("model.roi_foreground_iou", m.box.matcher.foreground, above(0, 1)),
      field("model.roi_background_iou", m.box.matcher.background, between(0, 1)),
      field("model.detections_per_image", m.box.detections, at_least(1)),
      field("model.rpn_anchors_per_image", m.rpn.sampler.per_image, at_least(1)),
      field("model.rpn_positive_fraction", m.rpn.sampler.positive, between(0, 1)),
      field("model.rpn_foreground_iou", m.rpn.matcher.foreground, above(0, 1)),
      field("model.rpn_background_iou", m.rpn.matcher.background, between(0, 1)),
      field("model.rpn_train_candidates", m.rpn.train_candidates, at_least(1)),
      field("model.rpn_test_candidates", m.rpn.test_candidates, at_least(1)),
      field("model.rpn_train_proposals", m.rpn.train_proposals, at_least(1)),
      field("model.rpn_test_proposals", m.rpn.test_proposals, at_least(1)),
      field("model.rpn_nms_threshold", m.rpn.nms_threshold, between(0, 1)),
  };
}

std::vector<Field> thresholds_of(ModelConfig& m) {
  return {
      field("train.nms_threshold", m.box.nms_threshold, between(0, 1)),
      field("train.score_threshold", m.box.score_threshold, between(0, 1)),
      field("train.mask_threshold", m.mask_threshold, between(0, 1)),
  };
}

void validate(const ModelConfig& config) {
  ModelConfig c = config;  // a field could also write
  for (const std::vector<Field>& fields : {fields_of(c), thresholds_of(c)})
    for (const Field& f : fields) check(f.is_allowed(), "config: {} is {}; {} expected", f.key, f.write(), f.allowed);
  check_order("rpn", c.rpn.matcher);
  check_order("roi", c.box.matcher);
  check(c.max_size >= c.min_size, "config: model.max_size is {}, at least min_size ({}) expected", c.max_size,
        c.min_size);
}

}  // namespace sil
