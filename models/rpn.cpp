#include "models/rpn.h"

#include <algorithm>

#include "models/grouped_nms.h"
#include "nn/init.h"
#include "tensor/range.h"

namespace sil {
namespace {

// The best candidates of one level, photo by photo, k each.
struct LevelCandidates {
  Tensor boxes;   // [N * k, 4], clipped; float32, or float64 of a model in float64
  Tensor scores;  // [N * k], best first in each photo
  int64_t k;
};

LevelCandidates level_candidates(const Tensor& objectness, const Tensor& deltas, const Tensor& anchors,
                                 const Tensor& sizes, int64_t candidates, const BoxCoderGeom& coder) {
  const int64_t photos = objectness.dim(0), cells = anchors.dim(0), k = std::min(candidates, cells);
  const ops::TopK best = ops::top_k(ops::cast(objectness, wide(objectness.dtype())).view({photos, cells}), k);
  const std::vector<int32_t> index = best.index.to_vector<int32_t>();
  std::vector<int32_t> row(index.size()), image(index.size());
  for (size_t i = 0; i < index.size(); ++i) {
    image[i] = int32_t(int64_t(i) / k);
    row[i] = int32_t(image[i] * cells + index[i]);
  }
  const Device device = objectness.device();
  const Tensor d = ops::gather_rows(deltas.view({photos * cells, 4}), Tensor::of({photos * k}, row, device));
  const Tensor a = ops::gather_rows(anchors, best.index.view({photos * k}));
  return {ops::decode_boxes(ops::cast(d, wide(d.dtype())), a, coder, Tensor::of({photos * k}, image, device), sizes),
          ops::sigmoid(best.values).view({photos * k}), k};
}

// One photo's proposals out of its candidates on all levels.
template <class T>
std::vector<std::array<T, 4>> photo_proposals(const std::vector<LevelCandidates>& levels, int64_t photo,
                                              const RpnConfig& config, int limit) {
  Candidates<T> all;
  for (size_t l = 0; l < levels.size(); ++l) {
    const T* boxes = levels[l].boxes.data<T>() + photo * levels[l].k * 4;
    const T* scores = levels[l].scores.data<T>() + photo * levels[l].k;
    for (int64_t i = 0; i < levels[l].k; ++i, boxes += 4) {
      const bool large = boxes[2] - boxes[0] >= T(config.min_side) && boxes[3] - boxes[1] >= T(config.min_side);
      if (large && scores[i] >= 0) all.add(boxes, scores[i], int(l));  // NaN is neither
    }
  }
  std::vector<std::array<T, 4>> out;
  for (size_t row : grouped_nms(all, config.nms_threshold, limit)) out.push_back(all.boxes[row]);
  return out;
}

template <class T>
Rois proposals_of(const std::vector<LevelCandidates>& levels, int64_t photos, const RpnConfig& config, int limit,
                  Device device) {
  std::vector<T> boxes;
  std::vector<int32_t> image;
  for (int64_t n = 0; n < photos; ++n)
    for (const auto& box : photo_proposals<T>(levels, n, config, limit)) {
      boxes.insert(boxes.end(), box.begin(), box.end());
      image.push_back(int32_t(n));
    }
  const int64_t count = int64_t(image.size());
  return {Tensor::of({count, 4}, boxes, device), Tensor::of({count}, image, device)};
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

// What the sampled anchors of a batch have to learn.  A row is an anchor of a photo: photo * A + anchor.
struct AnchorTargets {
  Tensor labels;           // int32 [N * A]: 1 object, 0 background, -1 takes no part
  Tensor positive_rows;    // int32 [S+]
  Tensor positive_deltas;  // [S+, 4], of the anchors' dtype
  int64_t samples = 0;
};

AnchorTargets assign(const Tensor& anchors, const Targets& targets, int64_t photos, const RpnConfig& config,
                     RngKey key) {
  const int64_t per_photo = anchors.dim(0), rows = photos * per_photo;
  const Device device = anchors.device();
  std::vector<int32_t> image(static_cast<size_t>(rows));
  for (int64_t r = 0; r < rows; ++r) image[size_t(r)] = int32_t(r / per_photo);
  const Tensor matched = ops::match_boxes(anchors, {}, targets.boxes, targets.image, photos, config.matcher);
  const Tensor picked = ops::sample(matched, Tensor::of({rows}, image, device), photos, key, config.sampler);

  AnchorTargets out;
  std::vector<int32_t> labels(static_cast<size_t>(rows), -1), positive, anchor, object;
  const std::vector<int32_t> match = matched.to_vector<int32_t>();
  const std::vector<uint8_t> pick = picked.to_vector<uint8_t>();
  for (size_t r = 0; r < size_t(rows); ++r) {
    if (!pick[r]) continue;
    ++out.samples;
    labels[r] = match[r] >= 0;
    if (match[r] < 0) continue;
    positive.push_back(int32_t(r)), anchor.push_back(int32_t(int64_t(r) % per_photo)), object.push_back(match[r]);
  }
  const Shape count{int64_t(positive.size())};
  out.labels = Tensor::of({rows}, labels, device);
  out.positive_rows = Tensor::of(count, positive, device);
  out.positive_deltas = ops::encode_boxes(ops::gather_rows(targets.boxes, Tensor::of(count, object, device)),
                                          ops::gather_rows(anchors, Tensor::of(count, anchor, device)), config.coder);
  return out;
}

}  // namespace

RpnHead::RpnHead(int c, int b, RngKey init)
    : conv(normal({c, 3, 3, c}, 0.01, init.fold("conv")), Tensor::zeros({c}), {1, 1, 1}),
      cls_logits(normal({b, 1, 1, c}, 0.01, init.fold("cls_logits")), Tensor::zeros({b}), {}),
      bbox_pred(normal({b * 4, 1, 1, c}, 0.01, init.fold("bbox_pred")), Tensor::zeros({b * 4}), {}) {}

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
  std::vector<LevelCandidates> levels;
  int64_t first = 0;
  for (size_t l = 0; l < objectness.size(); ++l) {
    const Tensor& o = objectness[l];
    const int64_t cells = o.numel() / std::max<int64_t>(o.dim(0), 1);
    levels.push_back(level_candidates(o, deltas[l], anchors.rows(first, first + cells), sizes,
                                      train ? config.train_candidates : config.test_candidates, config.coder));
    levels.back().boxes = levels.back().boxes.to(Device::cpu());
    levels.back().scores = levels.back().scores.to(Device::cpu());
    first += cells;
  }
  const int limit = train ? config.train_proposals : config.test_proposals;
  const auto gather = anchors.dtype() == DType::f64 ? proposals_of<double> : proposals_of<float>;
  return gather(levels, sizes.dim(0), config, limit, anchors.device());
}

std::pair<Var, Var> rpn_losses(const RpnOutput& out, const Tensor& anchors, const Targets& targets,
                               const RpnConfig& config, RngKey key) {
  const int64_t photos = out.objectness[0].dim(0);
  const AnchorTargets t = in_range("samples", [&] { return assign(anchors, targets, photos, config, key); });
  const DType dtype = anchors.dtype();
  const Var objectness = in_range("loss.rpn_objectness", [&] {
    const Var logits = view(flatten_levels(out.objectness, 1), {photos * anchors.dim(0)});
    return sigmoid_bce(cast(logits, dtype), t.labels);
  });
  const Range range("loss.rpn_box");
  const Var deltas = cast(gather_rows(flatten_levels(out.deltas, 4), t.positive_rows), dtype);
  const Tensor weight = Tensor::full({t.positive_rows.dim(0)}, 1, dtype, anchors.device());
  const Tensor samples = Tensor::full({1}, double(std::max<int64_t>(t.samples, 1)), dtype, anchors.device());
  return {objectness, smooth_l1(deltas, t.positive_deltas, weight, samples, kBoxBeta)};
}

}  // namespace sil
