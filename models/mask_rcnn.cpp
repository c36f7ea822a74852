#include "models/mask_rcnn.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "models/anchors.h"
#include "models/fpn.h"
#include "models/heads.h"
#include "models/initial_weights.h"
#include "models/resnet.h"
#include "models/roi_sampler.h"
#include "models/rpn.h"
#include "tensor/check.h"
#include "tensor/range.h"

namespace sil {

struct MaskRcnn::Parts {
  ResNet body;
  Fpn fpn;
  RpnHead rpn;
  BoxHead box_head;
  MaskHead mask_head;
  std::vector<Tensor> base_anchors;  // where the model is: a copy in the middle of a step would halt the queue
  DType dtype = DType::f32;
  Device device;
  bool folded = false;

  explicit Parts(const ModelConfig& c)
      : body(c.backbone, c.norm, c.norm_eps),
        fpn(body.channels(), c.fpn_channels),
        rpn(c.fpn_channels, int(c.anchor_ratios.size())),
        box_head(c),
        mask_head(c),
        base_anchors(sil::base_anchors(c)) {}
};

namespace {

void show(Probe* probe, const std::string& name, const Tensor& t) {
  if (probe) probe->stage(name, t);
}

void show_levels(Probe* probe, const std::string& name, int first, const std::vector<Var>& levels) {
  for (size_t l = 0; l < levels.size(); ++l) show(probe, fmt::format("{}{}", name, first + int(l)), levels[l].value());
}

// The rows of t whose photo is wanted.
template <class F>
Tensor rows_where(const Tensor& t, const std::vector<int32_t>& image, F wanted) {
  std::vector<int32_t> rows;
  for (size_t r = 0; r < image.size(); ++r)
    if (wanted(image[r])) rows.push_back(int32_t(r));
  return ops::gather_rows(t, Tensor::of({int64_t(rows.size())}, rows, t.device()));
}

// What takes the proposals' place, photo by photo; on a GPU as many rows for each.
Rois offer_proposals(Probe* probe, const Rois& own, int64_t photos) {
  if (!probe) return own;
  const std::vector<int32_t> whose = own.image.to_vector<int32_t>();
  std::vector<Tensor> boxes;
  int64_t most = 0;
  for (int64_t n = 0; n < photos; ++n) {
    boxes.push_back(rows_where(own.boxes, whose, [&](int32_t image) { return image == n; }));
    if (Tensor given = probe->stage(fmt::format("proposals.{}", n), boxes.back()); given.defined())
      boxes.back() = given;
    most = std::max(most, boxes.back().dim(0));
  }
  const Device device = own.boxes.device();
  std::vector<int32_t> image;
  for (int64_t n = 0; n < photos; ++n) {
    Tensor& rows = boxes[size_t(n)];
    image.insert(image.end(), size_t(rows.dim(0)), int32_t(n));
    if (device.kind() == Device::Kind::cpu) continue;
    rows = ops::pad(rows, 0, 0, most - rows.dim(0));
    image.resize(size_t((n + 1) * most), -1);
  }
  return {ops::concat(boxes, 0), Tensor::of({int64_t(image.size())}, image, device)};
}

void check_batch(const Batch& batch, Device device) {
  const Tensor& p = batch.photos;
  check(p.defined() && p.rank() == 4 && p.dim(3) == 3 && p.dim(0) > 0,
        "mask_rcnn: photos are {}; [N, H, W, 3] expected", p.shape());
  check(p.dim(1) > 0 && p.dim(1) % 32 == 0 && p.dim(2) > 0 && p.dim(2) % 32 == 0,
        "mask_rcnn: photos are {}; height and width padded to a multiple of 32 expected", p.shape());
  check(batch.sizes.defined() && batch.sizes.shape() == Shape{p.dim(0), 2}, "mask_rcnn: sizes are {}, [{}, 2] expected",
        batch.sizes.shape(), p.dim(0));
  check(batch.highest > 0 && batch.highest <= p.dim(1), "mask_rcnn: the highest photo has {} rows, 1 to {} expected",
        batch.highest, p.dim(1));
  check(p.device() == device, "mask_rcnn: photos are on {}, the model is on {}; one device expected", p.device().str(),
        device.str());
}

// What a probe sees of rows: those that are not empty.
void show_rows(Probe* probe, const std::string& name, const Tensor& t, const Rois& rois) {
  if (!probe) return;
  probe->stage(name, rows_where(t, rois.image.to_vector<int32_t>(), [](int32_t image) { return image >= 0; }));
}

// The targets, checked, their boxes in this dtype; without any, empty tensors.
Targets checked(Targets t, int num_classes, DType dtype, Device device) {
  const auto none = [&](const Shape& shape) { return Tensor::zeros(shape, DType::i32, device); };
  if (t.count() == 0)
    return {Tensor::zeros({0, 4}, dtype, device), none({0}), none({0}), none({0}), none({1}), none({0, 2})};
  t.boxes = ops::cast(t.boxes, dtype);
  if (device.kind() == Device::Kind::cpu)  // elsewhere reading them would halt the queue
    for (int32_t label : t.labels.to_vector<int32_t>())
      check(label >= 1 && label < num_classes, "mask_rcnn: an object's label is {}, the model's are 1 to {}", label,
            num_classes - 1);
  return t;
}

// The levels that RoIs are read from: p2..p5.
std::vector<Var> roi_levels(const std::vector<Var>& pyramid) { return {pyramid.begin(), pyramid.begin() + 4}; }

Tensor anchors_for(const std::vector<Var>& pyramid, const Batch& batch, const std::vector<Tensor>& base) {
  std::vector<Shape> shapes;
  for (const Var& p : pyramid) shapes.push_back(p.shape());
  return make_anchors(shapes, batch.photos.dim(1), batch.photos.dim(2), base);
}

}  // namespace

int finest_level(const Batch& batch) {
  return int(std::lround(std::log2(double(batch.highest) / double(batch.photos.dim(1) / 4))));
}

MaskRcnn::MaskRcnn(const ModelConfig& config) : config_(config) {
  validate(config);
  parts_ = std::make_unique<Parts>(config);
  parts_->body.freeze_all_but(config.trainable_layers);
}

MaskRcnn::MaskRcnn(const ModelConfig& config, uint64_t seed) : MaskRcnn(config) {
  Parts& p = *parts_;
  draw_weights(p.body, p.fpn, p.rpn, p.box_head, p.mask_head, seed);
}

MaskRcnn::MaskRcnn(MaskRcnn&&) noexcept = default;
MaskRcnn::~MaskRcnn() = default;

void MaskRcnn::visit(Visitor& v) {
  Parts& p = *parts_;
  v("backbone.body", p.body)("backbone.fpn", p.fpn)("rpn.head", p.rpn);
  v("roi_heads", p.box_head)("roi_heads", p.mask_head);
}

void MaskRcnn::fold(DType dtype) {
  check(dtype == DType::f32 || dtype == DType::bf16, "fold: dtype is {}; float32 or bfloat16 expected", name(dtype));
  parts_->body.fold();
  for (const Leaf& leaf : leaves(*this)) {
    if (!leaf.parameter) continue;
    leaf.parameter->freeze();
    leaf.set(ops::cast(leaf.value(), dtype));
  }
  parts_->dtype = dtype, parts_->folded = true;
}

void MaskRcnn::compute_in(DType dtype) {
  check(dtype == DType::f32 || dtype == DType::bf16, "compute_in: dtype is {}; float32 or bfloat16 expected",
        name(dtype));
  check(wide(parts_->dtype) == DType::f32 && !parts_->folded,
        "compute_in: the model is {}; its float32 weights expected", parts_->folded ? "folded" : "in float64");
  parts_->dtype = dtype;
}

void MaskRcnn::widen() {
  check(parts_->dtype == DType::f32, "widen: the model is in {}; float32 expected", name(parts_->dtype));
  for (const Leaf& leaf : leaves(*this))
    if (leaf.value().dtype() == DType::f32) leaf.set(ops::cast(leaf.value(), DType::f64));  // not the counters
  parts_->dtype = DType::f64;
}

void MaskRcnn::move_to(Device device) {
  for (const Leaf& leaf : leaves(*this)) leaf.set(leaf.value().to(device));
  for (Tensor& base : parts_->base_anchors) base = base.to(device);
  parts_->device = device;
}

Device MaskRcnn::device() const { return parts_->device; }

// What training and inference share: the pyramid, and what the RPN makes of it.
struct MaskRcnn::Proposed {
  std::vector<Var> pyramid;  // p2..p6, [N, H, W, C]
  RpnOutput rpn;
  Tensor anchors;
  Rois proposals;
  int finest;
};

MaskRcnn::Proposed MaskRcnn::propose_from(const Batch& batch, Mode mode, Probe* probe) {
  check_batch(batch, parts_->device);
  Proposed out;
  out.finest = finest_level(batch);
  show(probe, "input", batch.photos);
  const Var photos = in_range("input", [&] { return cast(batch.photos, parts_->dtype); });
  const std::vector<Var> c = parts_->body(photos, mode);
  show_levels(probe, "c", 2, c);
  out.pyramid = parts_->fpn(c);
  show_levels(probe, "p", 2, out.pyramid);
  out.rpn = parts_->rpn(out.pyramid);
  show_levels(probe, "rpn.objectness.", 0, out.rpn.objectness);
  show_levels(probe, "rpn.deltas.", 0, out.rpn.deltas);
  out.anchors = in_range(
      "anchors", [&] { return ops::cast(anchors_for(out.pyramid, batch, parts_->base_anchors), wide(parts_->dtype)); });
  show(probe, "anchors", out.anchors);
  const Rois own = in_range("proposals", [&] {
    return propose(values(out.rpn.objectness), values(out.rpn.deltas), out.anchors, batch.sizes, config_.rpn, mode);
  });
  out.proposals = offer_proposals(probe, own, batch.photos.dim(0));
  return out;
}

BoxOutput MaskRcnn::read_boxes(const Proposed& p, const Rois& rois, Probe* probe) {
  const Var features = in_range("box_features", [&] {
    return roi_align(roi_levels(p.pyramid), rois.boxes, rois.image, {BoxHead::kPooled, 2, p.finest});
  });
  show_rows(probe, "box_features", features.value(), rois);
  BoxOutput out = parts_->box_head(features);
  show_rows(probe, "class_logits", out.class_logits.value(), rois);
  show_rows(probe, "box_deltas", out.deltas.value(), rois);
  return out;
}

// Features of the mask head, [R, M, M, width].
Var MaskRcnn::read_masks(const Proposed& p, const Rois& rois, Probe* probe) {
  const Var features = in_range("mask_features", [&] {
    return roi_align(roi_levels(p.pyramid), rois.boxes, rois.image, {config_.mask_size / 2, 2, p.finest});
  });
  show_rows(probe, "mask_features", features.value(), rois);
  const Range range("mask_logits");
  return parts_->mask_head.features(features);
}

SampleKeys::SampleKeys(RngKey key, Device device) {
  const std::vector<int64_t> both{int64_t(key.fold("anchors").state), int64_t(key.fold("rois").state)};
  const Tensor keys = Tensor::of({2}, both, device);
  anchors = keys.rows(0, 1), rois = keys.rows(1, 2);
}

Losses MaskRcnn::losses(const Batch& batch, Mode mode, RngKey key, Probe* probe) {
  return losses(batch, mode, SampleKeys(key, parts_->device), probe);
}

Losses MaskRcnn::losses(const Batch& batch, Mode mode, const SampleKeys& keys, Probe* probe) {
  check(mode == Mode::test || !parts_->folded, "losses: a folded model does not train");
  std::optional<NoGrad> no_tape;
  if (mode == Mode::test) no_tape.emplace();
  return losses_of(propose_from(batch, mode, probe), batch, keys, probe);
}

std::vector<PhotoDetections> MaskRcnn::detect(const Batch& batch, Probe* probe) {
  const NoGrad no_tape;
  return detections_of(propose_from(batch, Mode::test, probe), batch, probe);
}

std::pair<Losses, std::vector<PhotoDetections>> MaskRcnn::losses_and_detections(const Batch& batch, RngKey key) {
  const NoGrad no_tape;
  const Proposed p = propose_from(batch, Mode::test, nullptr);
  return {losses_of(p, batch, SampleKeys(key, parts_->device), nullptr), detections_of(p, batch, nullptr)};
}

Losses MaskRcnn::losses_of(const Proposed& p, const Batch& batch, const SampleKeys& keys, Probe* probe) {
  const Targets targets = checked(batch.targets, config_.num_classes, p.anchors.dtype(), parts_->device);
  const Samples samples = in_range(
      "samples", [&] { return sample_rois(p.proposals, targets, batch.photos.dim(0), config_.box, keys.rois); });
  const BoxOutput box = read_boxes(p, samples.rois, probe);
  const Var mask_features = read_masks(p, samples.positive_rois, probe);
  const Var mask_logits = in_range("mask_logits", [&] { return parts_->mask_head.mask_fcn_logits(mask_features); });
  show_rows(probe, "mask_logits", mask_logits.value(), samples.positive_rois);

  const auto [rpn_objectness, rpn_box] = rpn_losses(p.rpn, p.anchors, targets, config_.rpn, keys.anchors);
  const auto [classifier, box_regression] = box_losses(box, samples, targets, config_.box);
  const Losses losses{rpn_objectness, rpn_box, classifier, box_regression, mask_loss(mask_logits, samples, targets)};
  const std::vector<Var> all = losses.all();
  for (size_t i = 0; i < all.size(); ++i) show(probe, fmt::format("loss.{}", kLossNames[i]), all[i].value());
  return losses;
}

std::vector<PhotoDetections> MaskRcnn::detections_of(const Proposed& p, const Batch& batch, Probe* probe) {
  const BoxOutput box = read_boxes(p, p.proposals, probe);
  const Detections found = in_range("detections.boxes", [&] {
    return select_detections(box.class_logits.value(), box.deltas.value(), p.proposals, batch.sizes, config_.box);
  });

  const Tensor features = read_masks(p, found.rois, probe).value();
  Tensor logits;
  if (probe) {  // every class, as torchvision computes them
    const Tensor all = parts_->mask_head.mask_fcn_logits(features).value();
    show_rows(probe, "mask_logits", all, found.rois);
    logits = select_class(all, found.labels);
  } else {
    logits = in_range("mask_logits", [&] { return parts_->mask_head.logits_of(features, found.labels); });
  }
  const Range range("detections.masks");
  const Tensor masks = ops::sigmoid(ops::cast(logits, DType::f32));
  return map_to_photos(found, masks, batch.sizes, batch.original, config_.mask_threshold);
}

}  // namespace sil
