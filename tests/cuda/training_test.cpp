// A tiny Mask R-CNN trains on the kernels of cuda/ as it does on the CPU's.
#include <doctest/doctest.h>

#include <cmath>

#include "models/mask_rcnn.h"
#include "nn/optimizer.h"
#include "tests/models/small.h"

using namespace sil;

namespace {

ModelConfig tiny_config() {
  ModelConfig c = test::small_config();
  c.fpn_channels = 16, c.box_head_width = 32, c.mask_head_width = 16, c.mask_size = 14;
  c.norm = NormKind::batch_norm, c.trainable_layers = 5;
  c.box.sampler.per_image = 32;
  return c;
}

struct Run {
  std::vector<std::vector<double>> losses;  // of each step
  std::vector<std::string> names;           // of the parameters
  std::vector<Tensor> gradients;            // of the first step
};

Run train(Device device) {
  MaskRcnn model(tiny_config(), RngKey{1});
  const std::vector<Leaf> all = leaves(model);
  for (const Leaf& leaf : all) leaf.set(leaf.value().to(device));
  Optimizer optimizer(all, {});
  const Batch batch = test::two_photos().to(device);
  Run run;
  for (int step = 0; step < 3; ++step) {
    optimizer.zero_grad();
    const std::vector<Var> losses = model.losses(batch, Mode::train, RngKey{7}.fold(uint64_t(step))).all();
    backward(losses);
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

}  // namespace

TEST_CASE("simt: a tiny Mask R-CNN takes three steps with the CPU's losses and gradients") {
  const Run cpu = train(Device::cpu()), simt = train(Device::simt());
  for (size_t step = 0; step < 3; ++step)
    for (size_t i = 0; i < cpu.losses[step].size(); ++i) {
      CAPTURE(step);
      CAPTURE(i);
      CHECK(std::abs(simt.losses[step][i] - cpu.losses[step][i]) <= 1e-3 * std::abs(cpu.losses[step][i]));
    }
  REQUIRE(simt.names == cpu.names);
  CHECK(cpu.names.size() > 60);
  for (size_t p = 0; p < cpu.names.size(); ++p) {
    CAPTURE(cpu.names[p]);
    double largest = 1e-12, worst = 0;
    const std::vector<float> a = simt.gradients[p].to_vector<float>(), b = cpu.gradients[p].to_vector<float>();
    for (size_t i = 0; i < b.size(); ++i) {
      largest = std::max(largest, std::abs(double(b[i])));
      worst = std::max(worst, std::abs(double(a[i]) - double(b[i])));
    }
    CHECK(worst <= 3e-3 * largest);
  }
}
