#include <doctest/doctest.h>

#include "nn/optimizer.h"
#include "tensor/recorded.h"
#include "tests/cuda/tiny_training.h"
#include "tests/models/small.h"
#include "train/training_step.h"

using namespace sil;
using namespace sil::test;

namespace {

// Two steps, the second recorded and then replayed, or not; the parameters afterwards.
std::vector<std::vector<float>> after_two_steps(DType dtype, bool recorded) {
  MaskRcnn model(tiny_model_config(), 1);
  model.move_to(where());
  model.compute_in(dtype);
  Optimizer optimizer(leaves(model), {});
  const Batch batch = two_photos(where());
  const SampleKeys keys(RngKey{7}, where());
  const Tensor rate = Tensor::of<double>({1}, {1e-3}, where());
  const auto step = [&] {
    optimizer.zero_grad();
    backward(model.losses(batch, Mode::train, keys).all());
    optimizer.step(rate, {gradient_norm(optimizer.parameters()), 2});
    optimizer.zero_grad();
  };
  step();
  if (recorded)
    Recorded(where(), step).replay();
  else
    step();
  std::vector<std::vector<float>> values;
  for (const Leaf& leaf : optimizer.parameters()) values.push_back(leaf.value().to_vector<float>());
  return values;
}

}  // namespace

TEST_CASE("gpu: a tiny Mask R-CNN takes three steps with the CPU's losses and gradients; again, with the same bits") {
  const TinyRun cpu = train_tiny(Device::cpu(), DType::f32);
  for (const DType dtype : {DType::f32, DType::bf16}) {
    CAPTURE(name(dtype));
    const auto on_gpu = [&] { return train_tiny(Device::cuda(0), dtype, cpu.proposals); };
    const TinyRun run = on_gpu(), again = on_gpu();
    if (dtype == DType::f32)
      check_equal(run, cpu);
    else
      check_as_near(run, train_tiny(Device::cpu(), dtype, cpu.proposals), cpu);
    CHECK(run.losses == again.losses);
    for (size_t p = 0; p < run.names.size(); ++p) {
      CAPTURE(run.names[p]);
      CHECK(run.gradients[p].to_vector<float>() == again.gradients[p].to_vector<float>());
    }
  }
}

TEST_CASE("gpu: a tiny Mask R-CNN's step, recorded and replayed, has the bits of one that runs launch by launch") {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    CAPTURE(name(dtype));
    CHECK(after_two_steps(dtype, true) == after_two_steps(dtype, false));
  }
}

TEST_CASE(
    "gpu: a tiny Mask R-CNN's training step is recorded at its shape's second batch, and waits for nothing else") {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    CAPTURE(name(dtype));
    std::vector<std::vector<float>> numbers;
    for (int run = 0; run < 2; ++run) {
      MaskRcnn model(tiny_model_config(), 1);
      model.move_to(where());
      model.compute_in(dtype);
      Optimizer optimizer(leaves(model), {});
      TrainingStep step(model, optimizer, 2);
      const Batch batch = two_photos(where());
      for (int s = 0; s < 4; ++s) numbers.push_back(step(batch, RngKey{uint64_t(s)}, 1e-3).values());
      CHECK(step.counts().first == 1);
      CHECK(step.counts().replayed == 3);
      CHECK(step.counts().not_recorded == 0);
      CHECK(step.counts().reason == "");
    }
    for (size_t s = 0; s < 4; ++s) CHECK(numbers[s] == numbers[s + 4]);
  }
}
