// Drives every row of the table of cases on fibers.
#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <string>

#include "tests/cuda/kernel_cases.h"

using namespace sil;

namespace {

std::vector<KernelCase> all_cases() {
  std::vector<KernelCase> all;
  for (const auto& part : {movement_cases(), elementwise_cases(), map_cases(), loss_kernel_cases(), box_cases(),
                           roi_kernel_cases(), optimizer_cases(), dense_cases()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

// ThreadSanitizer takes its time, and does not look at results: there each case runs once, in float32.
#ifdef SIL_SIMT_THREAD
constexpr bool kOnce = true;
#else
constexpr bool kOnce = false;
#endif

void check_cases(const std::vector<KernelCase>& cases) { hold_to_cpu(cases, Device::simt(), kOnce); }

}  // namespace

// On fibers each gives what the CPU's gives, whatever the order of threads.
TEST_CASE("kernels: movement, casts, order") { check_cases(movement_cases()); }
TEST_CASE("kernels: elementwise, reductions, softmax") { check_cases(elementwise_cases()); }
TEST_CASE("kernels: pooling, upsampling, norms") { check_cases(map_cases()); }
TEST_CASE("kernels: losses") { check_cases(loss_kernel_cases()); }
TEST_CASE("kernels: boxes") { check_cases(box_cases()); }
TEST_CASE("kernels: RoIs and masks") { check_cases(roi_kernel_cases()); }
TEST_CASE("kernels: optimizers") { check_cases(optimizer_cases()); }
TEST_CASE("kernels: convolutions and products, here the CPU's own") { check_cases(dense_cases()); }

TEST_CASE("kernels: every entry of the table but memory and recording has a case") {
  const std::set<std::string> memory{"allocate",      "release",        "memory",          "upload",
                                     "download",      "begin_download", "finish_download", "begin_recording",
                                     "end_recording", "replay",         "discard"};
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
    CHECK_MESSAGE(tested.contains(kernel) != memory.contains(kernel), kernel, " has no row in tests/cuda/cases_*.cpp");
  }
  CHECK(declared == int(sizeof(Kernels) / sizeof(void*)));
}
