// Checks and times the kernel ladders on a GPU, at the sizes of a training step of two photos:
//
//   kernel_ladders [NAME...]      all of them, or those named: roi_align, nms, ...
//
// Each version's results are held against the CPU's before it is timed; a wrong one is said and makes the exit code 1.
// Times are medians (of 20 runs, or of as many as a second has) between two events, the L2 cache overwritten before
// each.  GB/s and GFLOP/s count what the problem asks for (Ladder::bytes), not what a version does beyond it; beside
// GB/s stands their share of what a copy moves here, which is printed first, with an empty launch's microseconds.
// bench/kernels/torch_kernels.py times torch's and torchvision's.
#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "bench/kernels/ladder.h"
#include "tensor/cuda_device.h"
#include "tensor/kernels.h"

namespace sil::cuda {
namespace {

__global__ void nothing() {}

// Median microseconds of a call, over 20 calls or a second of them.
class Timer {
 public:
  explicit Timer(Device device) : flush_({1 << 26}, DType::f32, device) {
    check_cuda("timer", cudaEventCreate(&begin_));
    check_cuda("timer", cudaEventCreate(&end_));
  }
  ~Timer() { cudaEventDestroy(begin_), cudaEventDestroy(end_); }
  Timer(const Timer&) = delete;

  double microseconds(const std::function<void()>& call) {
    std::vector<double> times;
    for (double sum = 0; times.empty() || (times.size() < 20 && sum < 1e6); sum += times.back()) {
      flush_.device().kernels().fill({}, 0, flush_);
      check_cuda("timer", cudaEventRecord(begin_, queue({})));
      call();
      check_cuda("timer", cudaEventRecord(end_, queue({})));
      check_cuda("timer", cudaEventSynchronize(end_));
      float milliseconds = 0;
      check_cuda("timer", cudaEventElapsedTime(&milliseconds, begin_, end_));
      times.push_back(1000.0 * milliseconds);
    }
    std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
    return times[times.size() / 2];
  }

 private:
  cudaEvent_t begin_{}, end_{};
  Tensor flush_;  // 256 MB: more than any L2 cache
};

double copy_bandwidth(Device device, Timer& timer) {  // GB/s, read and written
  const Tensor x = Tensor::zeros({1 << 28}, DType::f32, device);
  Tensor y(x.shape(), DType::f32, device);
  return 2.0 * double(x.bytes()) / timer.microseconds([&] { device.kernels().copy({}, x, y); }) / 1000;
}

// Whether all versions are right.
bool climb(const char* name, const Ladder& ladder, double copy, Timer& timer) {
  bool right = true;
  fmt::print("{}: {:.1f} MB{}\n", name, ladder.bytes / 1e6,
             ladder.flop > 0 ? fmt::format(", {:.2f} GFLOP", ladder.flop / 1e9) : "");
  int number = 0;
  for (const Ladder::Version& version : ladder.versions) {
    spoil(ladder);
    version.run();
    const std::string wrong = mistake(ladder);
    right = right && wrong.empty();
    const double us = timer.microseconds(version.run), gb = ladder.bytes / us / 1000;
    fmt::print("  {} {:<52} {:>10.1f} us {:>8.1f} GB/s ({:.0f} % of a copy){}{}\n", ++number, version.what, us, gb,
               100 * gb / copy, ladder.flop > 0 ? fmt::format(" {:.0f} GFLOP/s", ladder.flop / us / 1000) : "",
               wrong.empty() ? "" : "  WRONG: " + wrong);
    std::fflush(stdout);
  }
  return right;
}

int run_ladders(const std::set<std::string>& wanted) {
  std::string names;
  std::set<std::string> unknown = wanted;
  for (const auto& ladder : ladders()) unknown.erase(ladder.name), names += fmt::format(" {}", ladder.name);
  check(unknown.empty(), "{} is no ladder; some of{} expected", unknown.empty() ? "" : *unknown.begin(), names);
  const Device device = Device::cuda(0);
  Timer timer(device);
  const double copy = copy_bandwidth(device, timer);
  const double empty = timer.microseconds([] { launch({}, "nothing", {1, 1}, nothing); });
  fmt::print("a copy of 1 GiB: {:.0f} GB/s; an empty launch: {:.1f} us\n", copy, empty);
  bool right = true;
  for (const auto& [name, make] : ladders())
    if (wanted.empty() || wanted.contains(name))
      right = climb(name, make(device, LadderSize::real), copy, timer) && right;
  return right ? 0 : 1;
}

}  // namespace
}  // namespace sil::cuda

int main(int argc, char** argv) {
  try {
    return sil::cuda::run_ladders({argv + 1, argv + argc});
  } catch (const std::exception& e) {
    fmt::print(stderr, "error: {}\n", e.what());
    return 2;
  }
}
