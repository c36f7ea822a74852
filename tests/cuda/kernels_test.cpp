// Drives every row of the table of cases.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <set>
#include <string>

#include "cuda/simt_host.h"
#include "tests/cpu/random.h"
#include "tests/cuda/kernel_cases.h"

using namespace sil;

namespace {

std::vector<KernelCase> all_cases() {
  std::vector<KernelCase> all;
  for (const auto& part : {movement_cases(), elementwise_cases(), map_cases(), loss_kernel_cases(), box_cases(),
                           roi_kernel_cases(), optimizer_cases()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::vector<Tensor> on_host(const std::vector<Tensor>& results) {
  std::vector<Tensor> host;
  for (const Tensor& t : results) host.push_back(t.to(Device::cpu()));
  return host;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         (a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0);
}

// The largest difference in roundings of the largest finite value; infinite where only one side is NaN or infinite.
double difference(const Tensor& a, const Tensor& b, DType dtype) {
  const std::vector<double> x = test::doubles(a), y = test::doubles(b);
  double worst = 0, largest = 1e-30;
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isfinite(y[i])) largest = std::max(largest, std::abs(y[i]));
    if (std::isnan(x[i]) != std::isnan(y[i]) || std::isinf(x[i]) != std::isinf(y[i]) ||
        (std::isinf(x[i]) && x[i] != y[i]))
      return INFINITY;
    if (std::isfinite(x[i])) worst = std::max(worst, std::abs(x[i] - y[i]));
  }
  return worst / largest / test::rounding(dtype);
}

// ThreadSanitizer takes its time, and does not look at results: there each case runs once, in float32.
#ifdef SIL_SIMT_THREAD
constexpr bool kOnce = true;
#else
constexpr bool kOnce = false;
#endif

void check_case(const KernelCase& row, DType dtype) {
  CAPTURE(std::string(row.kernel));
  CAPTURE(std::string(row.what));
  CAPTURE(std::string(name(dtype)));
  const std::vector<Tensor> expected = row.run({Device::cpu(), dtype});
  simt::set_schedule({1, 0x7FC00000});
  const std::vector<Tensor> found = on_host(row.run({Device::simt(), dtype}));
  simt::set_schedule({2, 0x42F6E979});
  const std::vector<Tensor> again = kOnce ? found : on_host(row.run({Device::simt(), dtype}));
  simt::set_schedule({});
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    // Other orders of threads and another pattern in shared memory: nothing may change.
    CHECK(same_bits(found[i], again[i]));
    REQUIRE(found[i].shape() == expected[i].shape());
    REQUIRE(found[i].dtype() == expected[i].dtype());
    const bool real = found[i].dtype() == DType::f32 || found[i].dtype() == DType::bf16;
    if (!real)
      CHECK(same_bits(found[i], expected[i]));
    else
      CHECK(difference(found[i], expected[i], found[i].dtype()) <= row.roundings);
  }
}

void check_cases(const std::vector<KernelCase>& cases) {
  for (const KernelCase& row : cases)
    for (DType dtype : {DType::f32, DType::bf16})
      if (dtype == DType::f32 || (!row.only_f32 && !kOnce)) check_case(row, dtype);
}

}  // namespace

// On fibers each gives what the CPU's gives, whatever the order of threads.
TEST_CASE("kernels: movement, casts, order") { check_cases(movement_cases()); }
TEST_CASE("kernels: elementwise, reductions, softmax") { check_cases(elementwise_cases()); }
TEST_CASE("kernels: pooling, upsampling, norms") { check_cases(map_cases()); }
TEST_CASE("kernels: losses") { check_cases(loss_kernel_cases()); }
TEST_CASE("kernels: boxes") { check_cases(box_cases()); }
TEST_CASE("kernels: RoIs and masks") { check_cases(roi_kernel_cases()); }
TEST_CASE("kernels: optimizers") { check_cases(optimizer_cases()); }

TEST_CASE("kernels: every entry of the table but cuDNN's, cuBLAS's and memory has a case") {
  const std::set<std::string> library{"allocate",
                                      "release",
                                      "upload",
                                      "download",
                                      "matmul",
                                      "conv2d",
                                      "conv2d_backward_input",
                                      "conv2d_backward_weight",
                                      "conv_transpose2d",
                                      "conv_transpose2d_backward_input",
                                      "conv_transpose2d_backward_weight"};
  std::set<std::string> tested;
  for (const KernelCase& row : all_cases()) tested.insert(row.kernel);
  std::ifstream header(SIL_SOURCE_DIR "/tensor/kernels.h");
  REQUIRE(header);
  int declared = 0;
  for (std::string line; std::getline(header, line);) {
    const size_t begin = line.find("(*"), end = line.find(")", begin + 1);
    if (line.rfind("  ", 0) != 0 || begin == std::string::npos || line[2] == '/') continue;
    const std::string kernel = line.substr(begin + 2, end - begin - 2);
    ++declared;
    CHECK_MESSAGE(tested.contains(kernel) != library.contains(kernel), kernel, " has no row in tests/cuda/cases_*.cpp");
  }
  CHECK(declared == int(sizeof(Kernels) / sizeof(void*)));
}
