#include "tensor/threads.h"

#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <limits>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "tensor/check.h"

namespace sil {
namespace {

int allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

// CPUs of one group's quota, or infinity without one.
double own_quota(const std::filesystem::path& group) {
  std::string quota;
  double period = 0;
  if (std::ifstream f(group / "cpu.max"); f >> quota >> period && quota != "max" && period > 0)
    return std::atof(quota.c_str()) / period;
  double q = -1;
  std::ifstream fq(group / "cpu.cfs_quota_us"), fp(group / "cpu.cfs_period_us");
  if (fq >> q && fp >> period && q > 0 && period > 0) return q / period;
  return std::numeric_limits<double>::infinity();
}

int count_threads() {
  if (const char* s = std::getenv("SIL_THREADS")) {
    char* end = nullptr;
    const long n = std::strtol(s, &end, 10);
    check(*s && !*end && n >= 1 && n <= 1024, "SIL_THREADS is '{}'; a whole number from 1 to 1024 expected", s);
    return int(n);
  }
  return std::max(
      1, int(std::min<double>(allowed_cpus(), std::ceil(cgroup_quota("/proc/self/cgroup", "/sys/fs/cgroup")))));
}

}  // namespace

double cgroup_quota(const std::filesystem::path& groups, const std::filesystem::path& root) {
  double least = std::min(own_quota(root), own_quota(root / "cpu"));
  std::ifstream file(groups);
  for (std::string line; std::getline(file, line);) {  // "0::/path" of v2, "4:cpu,cpuacct:/path" of v1
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool v2 = controllers == ",,", v1 = controllers.find(",cpu,") != std::string::npos;
    if (!v2 && !v1) continue;
    const std::filesystem::path path = line.substr(second + 1);
    for (auto group = path.relative_path(); !group.empty(); group = group.parent_path())
      least = std::min(least, own_quota((v2 ? root : root / "cpu") / group));
  }
  return least;
}

// This thread runs one of parallel_tasks' tasks.
static thread_local bool inside_tasks = false;

int threads() {
  static const int n = count_threads();
  return n;
}

void parallel_for(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& f) {
  if (n <= 0) return;
  const int64_t parts = std::min<int64_t>(threads(), (n + grain - 1) / std::max<int64_t>(grain, 1));
  if (parts <= 1 || inside_tasks || omp_in_parallel()) return f(0, n);
  std::exception_ptr error;
#pragma omp parallel num_threads(int(parts))
  {
    const int64_t t = omp_get_thread_num(), p = omp_get_num_threads();
    try {
      if (n * t / p < n * (t + 1) / p) f(n * t / p, n * (t + 1) / p);
    } catch (...) {
#pragma omp critical
      error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

// With threads of its own: OpenMP's go on spinning for a while when they have nothing to do, which is right between
// kernels but a waste beside a few long tasks.
void parallel_tasks(int64_t n, const std::function<void(int64_t)>& f) {
  std::atomic<int64_t> next{0};
  int64_t failed = n;
  std::exception_ptr error;
  std::mutex mutex;
  const auto work = [&] {
    for (int64_t i; (i = next++) < n;) try {
        f(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (i < failed) failed = i, error = std::current_exception();
        next = n;
      }
  };
  const int64_t workers = inside_tasks || omp_in_parallel() ? 1 : std::min<int64_t>(n, threads());
  if (workers <= 1) {
    work();
  } else {
    const auto marked = [&] {
      inside_tasks = true;
      work();
      inside_tasks = false;
    };
    std::vector<std::jthread> others;
    try {
      for (int64_t i = 1; i < workers; ++i) others.emplace_back(marked);
    } catch (const std::system_error&) {  // the system gives no more threads: those that there are do it
    }
    marked();
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace sil
