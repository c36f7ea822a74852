#include "train/training_step.h"

#include <fmt/format.h>

#include <algorithm>

#include "tensor/arena.h"
#include "tensor/check.h"
#include "tensor/ops.h"
#include "tensor/range.h"
#include "tensor/recorded.h"

namespace sil {

// All that differs from step to step.
struct TrainingStep::Inputs {
  Batch batch;
  SampleKeys keys;
  Tensor rate;  // float64 [1]
};

namespace {

template <class Inputs>
std::vector<Tensor*> tensors(Inputs& in) {
  Batch& b = in.batch;
  Targets& t = b.targets;
  return {&b.photos,    &b.sizes, &t.boxes, &t.labels,        &t.image,     &t.run_ends,
          &t.run_begin, &t.size,  &in.rate, &in.keys.anchors, &in.keys.rois};
}

// What a recording hangs on beside the inputs' values.
std::string shapes_of(const Batch& batch) {
  return fmt::format("{} {} {} {}", batch.photos.shape(), batch.targets.boxes.shape(), batch.targets.run_ends.shape(),
                     finest_level(batch));
}

}  // namespace

// Of one shape: what was recorded, and the inputs that it reads and the numbers that it writes.
struct TrainingStep::Plan {
  std::optional<Inputs> inputs;
  Tensor numbers;
  std::unique_ptr<Recorded> work;
  bool failed = false;
};

TrainingStep::TrainingStep(MaskRcnn& model, Optimizer& optimizer, std::optional<double> max_norm)
    : model_(model), optimizer_(optimizer), max_norm_(max_norm), device_(model.device()) {
  if (Recorded::possible(device_)) Arena::of(device_).on_shortage([this] { drop(); });
}

TrainingStep::~TrainingStep() {
  if (Recorded::possible(device_)) Arena::of(device_).on_shortage({});
}

Reading TrainingStep::operator()(const Batch& batch, RngKey key, double rate) {
  const Inputs inputs{batch, SampleKeys(key, device_), Tensor::of<double>({1}, {rate}, device_)};
  if (!Recorded::possible(device_)) return Reading(queue(inputs));
  const std::string shapes = shapes_of(batch);
  const auto known = plans_.find(shapes);
  if (known == plans_.end()) {  // libraries choose and allocate now what a recording could not
    ++counts_.first;
    const Tensor numbers = queue(inputs);
    plans_[shapes] = std::make_shared<Plan>();
    return Reading(numbers);
  }
  const std::shared_ptr<Plan> plan = known->second;  // stays, if others are dropped meanwhile
  if (!plan->work && !plan->failed) {
    record(*plan, inputs);
    plans_[shapes] = plan;
  }
  if (plan->work) return replayed(*plan, inputs);
  ++counts_.not_recorded;
  return Reading(queue(inputs));
}

Tensor TrainingStep::queue(const Inputs& in, bool is_recorded) {
  optimizer_.zero_grad();
  const std::vector<Var> losses = model_.losses(in.batch, Mode::train, in.keys).all();
  in_range("backward", [&] { backward(losses); });
  if (is_recorded)  // else the optimizer, here on the host, would count a step that the parameter is without
    for (const Leaf& leaf : optimizer_.parameters())
      check(leaf.parameter->var.grad().defined(), "{} has no gradient in this step", leaf.name);
  std::vector<Tensor> numbers;
  for (const Var& loss : losses) numbers.push_back(ops::cast(loss.value(), DType::f32).view({1}));
  Clip clip;
  if (max_norm_) clip = {gradient_norm(optimizer_.parameters()), *max_norm_}, numbers.push_back(clip.norm);
  in_range("optimizer", [&] { optimizer_.step(in.rate, clip); });
  return ops::concat(numbers, 0);
}

void TrainingStep::record(Plan& plan, const Inputs& inputs) {
  optimizer_.zero_grad();
  try {
    plan.inputs = inputs;
    for (Tensor* t : tensors(*plan.inputs)) *t = t->clone();  // every replay writes to them
    Arena::of(device_).trim();  // a recording has memory of its own: what lies idle would lie idle for good
    plan.work = std::make_unique<Recorded>(device_, [&] {
      plan.numbers = queue(*plan.inputs, true);
      optimizer_.zero_grad();  // the gradients' memory is the recording's
    });
  } catch (const Error& e) {
    plan.inputs.reset(), plan.numbers = {};
    // Beside others there was no memory for it, so it is tried again without them.
    plan.failed = !(dynamic_cast<const OutOfMemory*>(&e) && drop() > 0);
    if (counts_.reason.empty()) counts_.reason = e.what();
  }
}

int64_t TrainingStep::drop() {
  const auto recorded = std::ranges::count_if(plans_, [](const auto& p) { return p.second->work != nullptr; });
  counts_.dropped += recorded;
  plans_.clear();
  return recorded;
}

Reading TrainingStep::replayed(Plan& plan, Inputs inputs) {
  const std::vector<Tensor*> into = tensors(*plan.inputs), given = tensors(inputs);
  for (size_t i = 0; i < into.size(); ++i) ops::assign(*into[i], *given[i]);
  plan.work->replay();
  ++counts_.replayed;
  return Reading(plan.numbers);
}

}  // namespace sil
