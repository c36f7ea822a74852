#include "tests/cuda/tiny_training.h"

#include <doctest/doctest.h>

#include <cmath>

#include "models/stage_diff.h"
#include "nn/optimizer.h"
#include "tests/models/small.h"

namespace sil::test {
namespace {

// |found - want| / |want|
double distance(const Tensor& found, const Tensor& want) {
  double error = 0, norm = 1e-30;
  const std::vector<float> a = found.to_vector<float>(), b = want.to_vector<float>();
  for (size_t i = 0; i < b.size(); ++i) {
    error += std::pow(double(a[i]) - double(b[i]), 2);
    norm += std::pow(double(b[i]), 2);
  }
  return std::sqrt(error / norm);
}

}  // namespace

ModelConfig tiny_model_config() {
  ModelConfig c = small_config();
  c.fpn_channels = 16, c.box_head_width = 32, c.mask_head_width = 16, c.mask_size = 14;
  c.norm = NormKind::batch_norm, c.trainable_layers = 5;
  c.box.sampler.per_image = 32;
  return c;
}

TinyRun train_tiny(Device device, DType dtype, const std::vector<Stages>& given) {
  MaskRcnn model(tiny_model_config(), 1);
  model.move_to(device);
  model.compute_in(dtype);
  Optimizer optimizer(leaves(model), {});
  const Batch batch = two_photos(device);
  TinyRun run;
  for (int step = 0; step < 3; ++step) {
    optimizer.zero_grad();
    KeepStages keep(given.empty() ? Stages{} : given[size_t(step)]);
    const std::vector<Var> losses = model.losses(batch, Mode::train, RngKey{7}.fold(uint64_t(step)), &keep).all();
    backward(losses);
    std::erase_if(keep.stages, [](const auto& s) { return !s.first.starts_with("proposals."); });
    run.proposals.push_back(std::move(keep.stages));
    auto& of_step = run.losses.emplace_back();
    for (const Var& loss : losses) of_step.push_back(loss.value().item());
    if (step == 0)
      for (const Leaf& leaf : optimizer.parameters()) {
        run.names.push_back(leaf.name);
        run.gradients.push_back(leaf.parameter->var.grad().to(Device::cpu()));
      }
    optimizer.step(1e-5);
  }
  return run;
}

void check_equal(const TinyRun& found, const TinyRun& cpu) {
  for (size_t step = 0; step < 3; ++step) {
    for (const StageDiff& d : diff_stages(cpu.proposals[step], found.proposals[step], 1e-4)) {
      CAPTURE(d.text);
      CHECK_FALSE(d.beyond);
    }
    for (size_t i = 0; i < cpu.losses[step].size(); ++i) {
      CAPTURE(step);
      CAPTURE(i);
      CHECK(std::abs(found.losses[step][i] - cpu.losses[step][i]) <= 1e-3 * std::abs(cpu.losses[step][i]));
    }
  }
  REQUIRE(found.names == cpu.names);
  CHECK(cpu.names.size() > 60);
  for (size_t p = 0; p < cpu.names.size(); ++p) {
    CAPTURE(cpu.names[p]);
    double largest = 1e-12, worst = 0;
    const std::vector<float> a = found.gradients[p].to_vector<float>(), b = cpu.gradients[p].to_vector<float>();
    for (size_t i = 0; i < b.size(); ++i) {
      largest = std::max(largest, std::abs(double(b[i])));
      worst = std::max(worst, std::abs(double(a[i]) - double(b[i])));
    }
    CHECK(worst <= 3e-3 * largest);
  }
}

void check_as_near(const TinyRun& found, const TinyRun& other, const TinyRun& f32) {
  for (size_t step = 0; step < 3; ++step)
    for (size_t i = 0; i < f32.losses[step].size(); ++i) {
      CAPTURE(step);
      CAPTURE(i);
      CHECK(std::abs(found.losses[step][i] - f32.losses[step][i]) <= 1e-2 * std::abs(f32.losses[step][i]));
    }
  REQUIRE(found.names == f32.names);
  for (size_t p = 0; p < f32.names.size(); ++p) {
    CAPTURE(f32.names[p]);
    const Tensor& exact = f32.gradients[p];
    CHECK(distance(found.gradients[p], exact) <= 2 * distance(other.gradients[p], exact) + 0x1p-5);
  }
}

}  // namespace sil::test
