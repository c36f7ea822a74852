#include <doctest/doctest.h>

#include "tests/cuda/tiny_training.h"

using namespace sil;
using namespace sil::test;

TEST_CASE("gpu: a tiny Mask R-CNN takes three steps with the CPU's losses and gradients; again, with the same bits") {
  const TinyRun cpu = train_tiny(Device::cpu());
  const TinyRun run = train_tiny(Device::cuda(0), cpu.proposals), again = train_tiny(Device::cuda(0), cpu.proposals);
  check_equal(run, cpu);
  CHECK(run.losses == again.losses);
  for (size_t p = 0; p < run.names.size(); ++p) {
    CAPTURE(run.names[p]);
    CHECK(run.gradients[p].to_vector<float>() == again.gradients[p].to_vector<float>());
  }
}
