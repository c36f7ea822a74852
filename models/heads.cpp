#include "models/heads.h"

#include <algorithm>

#include "tensor/check.h"
#include "tensor/range.h"

namespace sil {
namespace {

Linear make_linear(const Shape& weight) { return {Tensor::zeros(weight), Tensor::zeros({weight[0]})}; }

std::vector<Conv2d> make_mask_convs(const ModelConfig& config) {
  const int width = config.mask_head_width;
  std::vector<Conv2d> convs;
  for (int i = 0; i < config.mask_head_layers; ++i) {
    const int in = i == 0 ? config.fpn_channels : width;
    convs.emplace_back(Tensor::zeros({width, 3, 3, in}), Tensor::zeros({width}), Conv2dGeom{1, 1, 1});
  }
  return convs;
}

ConvTranspose2d make_deconvolution(const ModelConfig& config) {
  const int width = config.mask_head_width, in = config.mask_head_layers ? width : config.fpn_channels;
  return {Tensor::zeros({in, 2, 2, width}), Tensor::zeros({width}), 2};
}

Conv2d make_mask_logits(const ModelConfig& config) {
  const int width = config.mask_head_width, classes = config.num_classes;
  return {Tensor::zeros({classes, 1, 1, width}), Tensor::zeros({classes}), Conv2dGeom{}};
}

}  // namespace

BoxHead::BoxHead(const ModelConfig& c)
    : fc6(make_linear({c.box_head_width, kPooled, kPooled, c.fpn_channels})),
      fc7(make_linear({c.box_head_width, c.box_head_width})),
      cls_score(make_linear({c.num_classes, c.box_head_width})),
      bbox_pred(make_linear({c.num_classes * 4, c.box_head_width})) {}

BoxOutput BoxHead::operator()(const Var& features) const {
  Var hidden;
  const Var logits = in_range("class_logits", [&] {
    hidden = fc7(fc6(features, true), true);
    return cls_score(hidden);
  });
  return {logits, in_range("box_deltas", [&] { return bbox_pred(hidden); })};
}

void BoxHead::visit(Visitor& v) {
  v("box_head.fc6", fc6)("box_head.fc7", fc7);
  v("box_predictor.cls_score", cls_score)("box_predictor.bbox_pred", bbox_pred);
}

std::pair<Var, Var> box_losses(const BoxOutput& out, const Samples& s, const Targets& targets,
                               const BoxConfig& config) {
  const int64_t rois = s.labels.dim(0), classes = out.class_logits.dim(1);
  const DType dtype = s.rois.boxes.dtype();
  const Var classifier =
      in_range("loss.classifier", [&] { return softmax_cross_entropy(cast(out.class_logits, dtype), s.labels); });
  const Range range("loss.box");
  // The deltas of the true class: row `roi * K + label` of [S * K, 4]; empty rows read nothing.
  const Tensor rows = ops::join_index(s.positive, s.positive_labels, classes);
  const Var deltas = gather_rows(view(out.deltas, {rois * classes, 4}), rows);
  const Tensor want =
      ops::encode_boxes(ops::gather_rows(targets.boxes, s.positive_object), s.positive_rois.boxes, config.coder);
  return {classifier, smooth_l1(cast(deltas, dtype), want, s.positive_labels, ops::cast(s.count, dtype), kBoxBeta)};
}

MaskHead::MaskHead(const ModelConfig& c)
    : convs(make_mask_convs(c)), conv5_mask(make_deconvolution(c)), mask_fcn_logits(make_mask_logits(c)) {}

Tensor select_class(const Tensor& logits, const Tensor& labels) {
  const int64_t rows = logits.dim(0), side = logits.dim(1), classes = logits.dim(3), pixels = side * side;
  check(logits.numel() <= INT32_MAX, "mask head: {} logits of all classes; at most {} expected", logits.numel(),
        INT32_MAX);
  // The logit of pixel p of row r: p of all rows' pixels, and the row's label.
  const Tensor pixel = ops::arange(rows * pixels, logits.device());
  const Tensor label = ops::lookup(labels, ops::split_index(pixel, pixels).first);
  const Tensor chosen =
      ops::gather_rows(logits.view({rows * pixels * classes, 1}), ops::join_index(pixel, label, classes));
  return chosen.view(Shape{rows, side, side});
}

Var MaskHead::features(const Var& x) const {
  Var y = x;
  for (const Conv2d& conv : convs) y = conv(y, true);
  return conv5_mask(y, true);
}

Tensor MaskHead::logits_of(const Tensor& features, const Tensor& labels) const {
  const int64_t rows = features.dim(0), side = features.dim(1), width = features.dim(3);
  check(labels.numel() == rows, "mask head: {} labels for {} rows", labels.numel(), rows);
  if (labels.device().kind() != Device::Kind::cpu)  // the host does not know them: all classes, then one of them
    return select_class(mask_fcn_logits(features).value(), labels);
  const Tensor weight = mask_fcn_logits.weight.in(features.dtype()).value().view({-1, width});
  const Tensor bias = mask_fcn_logits.bias.in(features.dtype()).value();
  std::vector<Tensor> out{Tensor({0, 1}, features.dtype(), features.device())};
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t k = labels.data<int32_t>()[r];
    out.push_back(ops::matmul(features.rows(r, r + 1).view({side * side, width}), weight.rows(k, k + 1), false, true,
                              bias.rows(k, k + 1)));
  }
  return ops::concat(out, 0).view(Shape{rows, side, side});
}

void MaskHead::visit(Visitor& v) {
  for (size_t i = 0; i < convs.size(); ++i) v(fmt::format("mask_head.{}.0", i), convs[i]);
  v("mask_predictor.conv5_mask", conv5_mask)("mask_predictor.mask_fcn_logits", mask_fcn_logits);
}

Var mask_loss(const Var& logits, const Samples& s, const Targets& t) {
  const Range range("loss.mask");
  return mask_loss(logits, s.positive_labels, s.positive_rois.boxes, s.positive_object,
                   {t.run_ends, t.run_begin, t.size});
}

}  // namespace sil
