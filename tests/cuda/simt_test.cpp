// The host harness finds what is planted, and nothing where nothing is.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "cuda/simt_host.h"
#include "tests/cuda/faults.h"
#include "tests/cuda/primitives.h"

using namespace sil;

namespace {

struct Outcome {
  bool failed;
  std::string text;
};

Outcome run_fault(const std::string& name) {
  const std::string command = "TSAN_OPTIONS=atexit_sleep_ms=0 " + std::string(SIL_FAULTS) + " " + name + " 2>&1";
  Outcome out{};
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe);
  char buffer[4096];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.text.append(buffer, n);
  out.failed = pclose(pipe) != 0;
  return out;
}

// Whether the text holds the pieces between the stars, in their order.
bool holds(const std::string& text, const std::string& pieces) {
  size_t at = 0;
  for (size_t begin = 0; begin <= pieces.size();) {
    const size_t end = std::min(pieces.find('*', begin), pieces.size());
    const std::string piece = pieces.substr(begin, end - begin);
    if ((at = text.find(piece, at)) == std::string::npos) return false;
    at += piece.size();
    begin = end + 1;
  }
  return true;
}

void finds(const std::string& name, const std::vector<std::string>& expected) {
  const Outcome out = run_fault(name);
  CAPTURE(name);
  CAPTURE(out.text);
  CHECK(out.failed);
  for (const std::string& pieces : expected) {
    CAPTURE(pieces);
    CHECK(holds(out.text, pieces));
  }
}

std::vector<float> sums(void (*sum)(const Tensor&, Tensor&), uint64_t seed) {
  simt::set_schedule({seed});
  Tensor x({128}, DType::f32), y = Tensor::zeros({2});
  for (int i = 0; i < 128; ++i) x.data<float>()[i] = float(i % 64);
  sum(x, y);
  simt::set_schedule({});
  return y.to_vector<float>();
}

}  // namespace

TEST_CASE("simt: without a fault nothing is found") {
  const Outcome out = run_fault("no_fault");
  CAPTURE(out.text);
  CHECK_FALSE(out.failed);
  CHECK(out.text.empty());
  for (uint64_t seed = 0; seed < 20; ++seed)
    CHECK(sums(simt::sum_with_barriers, seed) == std::vector<float>{2016, 2016});
}

TEST_CASE("simt: warp primitives and atomics do what CUDA's do, in any order of threads") {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    simt::set_schedule({seed});
    check_primitives(Device::simt(), simt::primitives);
  }
  simt::set_schedule({});
}

TEST_CASE("simt: a barrier that not all threads reach names kernel, block, threads and lines") {
  finds("divergent_barrier",
        {"kernel divergent_barrier, block (0, 0, 0): thread (0, 0, 0) waits at __syncthreads (faults.cu:*), "
         "but thread (5, 0, 0) has returned"});
  finds("barriers_at_two_lines", {"thread (0, 0, 0) waits at __syncthreads (faults.cu:*), but thread (40, 0, 0) waits "
                                  "at __syncthreads (faults.cu:*)"});
}

TEST_CASE("simt: a warp primitive with a wrong mask names kernel, block, thread and line") {
  finds("mask_without_caller", {"kernel mask_without_caller, block (0, 0, 0), thread (*, 0, 0): __shfl_sync "
                                "(faults.cu:*) is called by lane *, which its mask 0xffff leaves out"});
  finds("mask_of_lanes_that_left",
        {"kernel mask_of_lanes_that_left, block (0, 0, 0): thread (0, 0, 0) waits at __shfl_down_sync (faults.cu:*) "
         "with mask 0xffffffff, but thread (16, 0, 0) has returned"});
  finds("source_outside_the_mask",
        {"thread (*, 0, 0): __shfl_xor_sync (faults.cu:*) reads lane *, which its mask 0xffff leaves out"});
}

TEST_CASE("simt: a vector at an address that is no multiple of its size names kernel, block and thread") {
  finds("misaligned_vector", {"kernel misaligned_vector, block (0, 0, 0), thread (3, 0, 0): a vector of 16 bytes at an "
                              "address that is no multiple of 16"});
}

TEST_CASE("simt: a write past dynamic shared memory is found") {
#ifdef SIL_SIMT_ADDRESS
  finds("dynamic_overflow",
        {"use-after-poison", "kernel dynamic_overflow, block (*, 0, 0), thread (31, 0, 0) is running", "faults.cu:*"});
#elif !defined(SIL_SIMT_THREAD)
  finds("dynamic_overflow",
        {"kernel dynamic_overflow, block (*, 0, 0) has written past its 128 bytes of dynamic shared memory"});
#endif
}

#ifdef SIL_SIMT_ADDRESS
TEST_CASE("simt: AddressSanitizer names accesses out of bounds in shared and in global memory") {
  finds("shared_overflow",
        {"global-buffer-overflow", "kernel shared_overflow, block (0, 0, 0), thread (31, 0, 0) is running",
         "load*faults.cu:*shared_overflow*faults.cu:*"});
  finds("global_overflow", {"AddressSanitizer", "kernel global_overflow, block (0, 0, 0), thread (64, 0, 0) is running",
                            "global_overflow*faults.cu:*"});
}
#endif

#ifdef SIL_SIMT_THREAD
TEST_CASE("simt: ThreadSanitizer names a missing barrier and plain adds") {
  finds("missing_barrier", {"data race", "kernel block_sum, block (*, 0, 0), thread", "block_sum*faults.cu:*"});
  finds("plain_add", {"data race", "kernel plain_add, block (0, 0, 0), thread (*, 0, 0)", "count_plainly*faults.cu:*"});
  finds("plain_add_of_blocks", {"data race", "kernel plain_add_of_blocks, block (*, 0, 0), thread (0, 0, 0)",
                                "count_blocks_plainly*faults.cu:*"});
}
#endif

#ifndef SIL_SIMT_THREAD  // which would report it
TEST_CASE("simt: a missing barrier shows in the results") {
  int wrong = 0;
  for (uint64_t seed = 0; seed < 20; ++seed)
    wrong += sums(simt::sum_without_a_barrier, seed) != std::vector<float>{2016, 2016};
  CHECK(wrong >= 10);
}
#endif

TEST_CASE("simt: what reads shared memory that nobody wrote changes with its pattern") {
  simt::set_schedule({0, 0x7FC00000});
  const float first = simt::unwritten().to_vector<float>()[0];
  simt::set_schedule({0, 0x42F6E979});
  const float second = simt::unwritten().to_vector<float>()[0];
  simt::set_schedule({});
  CHECK(first != first);
  CHECK(second == doctest::Approx(123.456));
}
