#include "models/stages.h"

#include "nn/state_dict.h"
#include "tensor/check.h"
#include "tensor/ops.h"

namespace sil {
namespace {

// Soft masks [D, 1, H, W] in the photo's own pixels, of logits [D, K, M, M].
Tensor pasted(const Tensor& logits, const PhotoDetections& found, const std::array<int, 2>& photo) {
  const auto [height, width] = photo;
  const int64_t count = logits.dim(0), classes = logits.dim(1), side = logits.dim(2);
  Tensor out({count, 1, height, width}, DType::f32);
  const Tensor by_class = ops::sigmoid(ops::cast(logits, DType::f32)).view(Shape{count * classes, side, side});
  for (int64_t i = 0; i < count; ++i) {
    const int64_t row = i * classes + found.labels[size_t(i)];
    const auto& b = found.boxes[size_t(i)];
    const Tensor columns = ops::paste_soft_mask(by_class.rows(row, row + 1).view({side, side}),
                                                Tensor::of<float>({4}, {b.begin(), b.end()}), height, width);
    const std::vector<float> pixels = ops::transpose(columns).to_vector<float>();
    std::copy(pixels.begin(), pixels.end(), out.data<float>() + i * height * width);
  }
  return out;
}

// A curve's proposals of one step, named as those of a step alone.
Stages proposals_at(const Stages& curve, int64_t photos, int step) {
  Stages out;
  for (int64_t i = 0; i < photos; ++i)
    if (const auto found = curve.find(fmt::format("proposals.{}.{}", i, step)); found != curve.end())
      out[fmt::format("proposals.{}", i)] = found->second;
  return out;
}

}  // namespace

Tensor KeepStages::stage(const std::string& name, const Tensor& t) {
  const Tensor host = ops::cast(t, wide(t.dtype())).to(Device::cpu());
  stages[name] = t.rank() == 4   ? ops::permute(host, {0, 3, 1, 2})
                 : t.rank() == 0 ? host.view({1}).clone()
                                 : host.clone();
  if (!name.starts_with("proposals.")) return {};
  const auto given = given_.find(name);
  if (given == given_.end()) return {};
  const Tensor& boxes = given->second;
  check(boxes.rank() == 2 && boxes.dim(1) == 4 && wide(boxes.dtype()) == boxes.dtype(),
        "given {} is {} {}; float32 or float64 [P, 4] expected", name, sil::name(boxes.dtype()), boxes.shape());
  return ops::cast(boxes, t.dtype()).to(t.device());
}

Stages detection_stages(MaskRcnn& model, const Batch& batch, Stages given) {
  check(batch.photos.dim(0) == 1, "inspect: {} photos; detection is inspected one by one", batch.photos.dim(0));
  KeepStages keep(std::move(given));
  const PhotoDetections found = model.detect(batch, &keep).at(0);
  const int64_t count = int64_t(found.scores.size());
  std::vector<float> boxes;
  for (const auto& b : found.boxes) boxes.insert(boxes.end(), b.begin(), b.end());
  keep.stages["detections.boxes"] = Tensor::of({count, 4}, boxes);
  keep.stages["detections.scores"] = Tensor::of({count}, found.scores);
  keep.stages["detections.labels"] =
      Tensor::of({count}, std::vector<int64_t>(found.labels.begin(), found.labels.end()));
  keep.stages["detections.masks"] = pasted(keep.stages.at("mask_logits"), found, batch.original[0]);
  return std::move(keep.stages);
}

Stages training_stages(MaskRcnn& model, const Batch& batch, Stages given) {
  KeepStages keep(std::move(given));
  for (const Leaf& leaf : trainable(leaves(model))) leaf.parameter->var.zero_grad();
  backward(model.losses(batch, Mode::train, RngKey{}, &keep).all());
  for (auto& [name, gradient] : gradients(leaves(model))) keep.stages["grad." + name] = std::move(gradient);
  return std::move(keep.stages);
}

Stages training_curve(MaskRcnn& model, const Batch& batch, int steps, double rate, const OptimizerConfig& config,
                      const Stages& given) {
  const std::vector<Leaf> moving = trainable(leaves(model));
  const StateDict start = state_dict(moving);  // copies
  Optimizer optimizer(moving, config);
  std::vector<std::vector<float>> curves(kLossNames.size());
  Stages out;
  for (int step = 0; step < steps; ++step) {
    optimizer.zero_grad();
    KeepStages keep(proposals_at(given, batch.photos.dim(0), step));
    const std::vector<Var> losses = model.losses(batch, Mode::train, RngKey{}, &keep).all();
    backward(losses);
    optimizer.step(rate);
    for (int64_t i = 0; i < batch.photos.dim(0); ++i)
      out[fmt::format("proposals.{}.{}", i, step)] = keep.stages.at(fmt::format("proposals.{}", i));
    for (size_t i = 0; i < losses.size(); ++i) curves[i].push_back(float(losses[i].value().item()));
  }
  for (size_t i = 0; i < curves.size(); ++i)
    out[fmt::format("curve.{}", kLossNames[i])] = Tensor::of({int64_t(steps)}, curves[i]);
  for (const auto& [name, end] : state_dict(moving)) out["moved." + name] = ops::sub(end, start.at(name));
  return out;
}

void every_candidate(ModelConfig& config) { config.rpn.sampler.per_image = config.box.sampler.per_image = 1'000'000; }

}  // namespace sil
