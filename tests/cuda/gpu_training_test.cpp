#include <doctest/doctest.h>

#include "tests/cuda/tiny_training.h"

using namespace sil;
using namespace sil::test;

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
