#include "models/rpn.h"

#include <algorithm>

#include "tensor/range.h"

namespace sil {
namespace {

// The best candidates of one level, k of each photo.
struct LevelCandidates {
  Tensor boxes;   // [N, k, 4], clipped; float32, or float64 of a model in float64
  Tensor scores;  // [N, k], best first
};

LevelCandidates level_candidates(const Tensor& objectness, const Tensor& deltas, const Tensor& anchors,
                                 const Tensor& sizes, int64_t candidates, const BoxCoderGeom& coder) {
  const int64_t photos = objectness.dim(0), cells = anchors.dim(0), k = std::min(candidates, cells);
  const ops::TopK best = ops::top_k(ops::cast(objectness, wide(objectness.dtype())).view({photos, cells}), k);
  const Tensor cell = best.index.view({photos * k}), image = photo_of_rows(photos, k, objectness.device());
  const Tensor d = ops::gather_rows(deltas.view({photos * cells, 4}), ops::join_index(image, cell, cells));
  const Tensor a = ops::gather_rows(anchors, cell);
  return {ops::decode_boxes(ops::cast(d, wide(d.dtype())), a, coder, image, sizes).view({photos, k, 4}),
          ops::sigmoid(best.values)};
}

// Levels [N, H, W, B * width] -> [N * A, width], photo by photo, levels in order.
Var flatten_levels(const std::vector<Var>& levels, int64_t width) {
  const int64_t photos = levels[0].dim(0);
  std::vector<Var> parts;
  int64_t anchors = 0;
  for (const Var& level : levels) {
    const int64_t cells = level.dim(1) * level.dim(2) * (level.dim(3) / width);
    parts.push_back(view(level, {photos, cells * width}));
    anchors += cells;
  }
  return view(concat(parts, 1), {photos * anchors, width});
}

// What the sampled anchors of a batch have to learn.  A row is an anchor of a photo: photo * A + anchor; -1 is none.
struct AnchorTargets {
  Tensor rows, labels;     // int32 [S]: 1 object, 0 background
  Tensor positive_rows;    // int32 [S+]
  Tensor positive_deltas;  // [S+, 4], of the anchors' dtype
  Tensor count;            // int32 [1], of the samples
};

AnchorTargets assign(const Tensor& anchors, const Targets& targets, int64_t photos, const RpnConfig& config,
                     const Tensor& key) {
  const Tensor matched = ops::match_boxes(anchors, {}, targets.boxes, targets.image, photos, config.matcher);
  const ops::Sampled drawn = ops::sample(matched, {}, {}, photos, key, config.sampler);
  AnchorTargets out{drawn.rows, drawn.labels, ops::lookup(drawn.rows, packed(drawn.positive)), {}, drawn.count};
  const auto [photo, anchor] = ops::split_index(out.positive_rows, anchors.dim(0));
  out.positive_deltas = ops::encode_boxes(ops::gather_rows(targets.boxes, ops::lookup(matched, out.positive_rows)),
                                          ops::gather_rows(anchors, anchor), config.coder);
  return out;
}

}  // namespace

RpnHead::RpnHead(int c, int b)
    : conv(Tensor::zeros({c, 3, 3, c}), Tensor::zeros({c}), {1, 1, 1}),
      cls_logits(Tensor::zeros({b, 1, 1, c}), Tensor::zeros({b}), {}),
      bbox_pred(Tensor::zeros({b * 4, 1, 1, c}), Tensor::zeros({b * 4}), {}) {}

RpnOutput RpnHead::operator()(const std::vector<Var>& pyramid) const {
  RpnOutput out;
  for (size_t l = 0; l < pyramid.size(); ++l) {
    Var hidden;
    {
      const Range range(fmt::format("rpn.objectness.{}", l));
      hidden = conv(pyramid[l], true);
      out.objectness.push_back(cls_logits(hidden));
    }
    const Range range(fmt::format("rpn.deltas.{}", l));
    out.deltas.push_back(bbox_pred(hidden));
  }
  return out;
}

Rois propose(const std::vector<Tensor>& objectness, const std::vector<Tensor>& deltas, const Tensor& anchors,
             const Tensor& sizes, const RpnConfig& config, Mode mode) {
  const bool train = mode == Mode::train;
  const Device device = anchors.device();
  std::vector<Tensor> boxes, scores, level;  // [N, k, ...] each
  int64_t first = 0;
  for (size_t l = 0; l < objectness.size(); ++l) {
    const Tensor& o = objectness[l];
    const int64_t cells = o.numel() / std::max<int64_t>(o.dim(0), 1);
    const LevelCandidates c = level_candidates(o, deltas[l], anchors.rows(first, first + cells), sizes,
                                               train ? config.train_candidates : config.test_candidates, config.coder);
    boxes.push_back(c.boxes), scores.push_back(c.scores);
    level.push_back(Tensor::full(c.scores.shape(), double(l), DType::i32, device));
    first += cells;
  }
  const Tensor all = ops::concat(boxes, 1);
  const int64_t photos = sizes.dim(0), candidates = all.dim(1);
  const int64_t limit = std::min<int64_t>(train ? config.train_proposals : config.test_proposals, candidates);
  const Tensor best =
      ops::nms(all, ops::concat(scores, 1), ops::concat(level, 1), limit, {config.min_side, config.nms_threshold});
  const Tensor rows =
      packed(ops::join_index(photo_of_rows(photos, limit, device), best.view({photos * limit}), candidates));
  return {ops::gather_rows(all.view({photos * candidates, 4}), rows), ops::split_index(rows, candidates).first};
}

std::pair<Var, Var> rpn_losses(const RpnOutput& out, const Tensor& anchors, const Targets& targets,
                               const RpnConfig& config, const Tensor& key) {
  const int64_t photos = out.objectness[0].dim(0);
  const AnchorTargets t = in_range("samples", [&] { return assign(anchors, targets, photos, config, key); });
  const DType dtype = anchors.dtype();
  const Var objectness = in_range("loss.rpn_objectness", [&] {
    const Var logits = gather_rows(view(flatten_levels(out.objectness, 1), {photos * anchors.dim(0)}), t.rows);
    return sigmoid_bce(cast(logits, dtype), t.labels);
  });
  const Range range("loss.rpn_box");
  const Var deltas = gather_rows(flatten_levels(out.deltas, 4), t.positive_rows);
  return {objectness,
          smooth_l1(cast(deltas, dtype), t.positive_deltas, t.positive_rows, ops::cast(t.count, dtype), kBoxBeta)};
}

}  // namespace sil
