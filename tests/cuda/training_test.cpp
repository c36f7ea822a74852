// A tiny Mask R-CNN trains on the kernels of cuda/ as it does on the CPU's.
#include <doctest/doctest.h>

#include "tests/cuda/tiny_training.h"

using namespace sil;
using namespace sil::test;

TEST_CASE("simt: a tiny Mask R-CNN takes three steps with the CPU's losses and gradients, in float32 and bfloat16") {
  const TinyRun cpu = train_tiny(Device::cpu(), DType::f32);
  check_equal(train_tiny(Device::simt(), DType::f32, cpu.proposals), cpu);

  const TinyRun narrow = train_tiny(Device::cpu(), DType::bf16, cpu.proposals);
  CHECK(narrow.losses != cpu.losses);
  // Within float32's bounds: sums in another order are mostly the same once rounded.
  check_equal(train_tiny(Device::simt(), DType::bf16, cpu.proposals), narrow);
}
