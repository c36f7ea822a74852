// The same table of cases on a GPU, which must be there (gpu_main.cpp): by nvcc's kernels, cuDNN and cuBLAS.
#include <doctest/doctest.h>

#include "tests/cuda/kernel_cases.h"
#include "tests/cuda/primitives.h"

using namespace sil;

namespace {

void check_cases(const std::vector<KernelCase>& cases) { hold_to_cpu(cases, Device::cuda(0)); }

}  // namespace

TEST_CASE("gpu: warp primitives and atomics") { check_primitives(Device::cuda(0), cuda::primitives); }
TEST_CASE("gpu: movement, casts, order") { check_cases(movement_cases()); }
TEST_CASE("gpu: elementwise, reductions, softmax") { check_cases(elementwise_cases()); }
TEST_CASE("gpu: pooling, upsampling, norms") { check_cases(map_cases()); }
TEST_CASE("gpu: losses") { check_cases(loss_kernel_cases()); }
TEST_CASE("gpu: boxes") { check_cases(box_cases()); }
TEST_CASE("gpu: RoIs and masks") { check_cases(roi_kernel_cases()); }
TEST_CASE("gpu: optimizers") { check_cases(optimizer_cases()); }
TEST_CASE("gpu: convolutions and products") { check_cases(dense_cases()); }

TEST_CASE("gpu: more memory than there is, is an error that says how much is free; what is left can be used") {
  Arena& arena = Arena::of(Device::cuda(0));
  const size_t exabyte = size_t(1) << 60;
  try {
    arena.take(exabyte);
    FAIL("an exabyte was found");
  } catch (const OutOfMemory& e) {
    CHECK(e.asked == int64_t(exabyte));
    CHECK(e.free > 0);
  }
  CHECK(Tensor::full({1000}, 3, DType::f32, Device::cuda(0)).to_vector<float>() == std::vector<float>(1000, 3.0f));
}
