// A tiny Mask R-CNN trains on the kernels of cuda/ as it does on the CPU's.
#include <doctest/doctest.h>

#include "tests/cuda/tiny_training.h"

using namespace sil;
using namespace sil::test;

TEST_CASE("simt: a tiny Mask R-CNN takes three steps with the CPU's losses and gradients") {
  const TinyRun cpu = train_tiny(Device::cpu());
  check_equal(train_tiny(Device::simt(), cpu.proposals), cpu);
}
