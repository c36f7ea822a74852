#include "tensor/threads.h"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tensor/check.h"
#include "tests/folder.h"

using namespace sil;

namespace {

// What this program, run again with SIL_THREADS, prints in the case below.
std::string threads_with(const std::string& value) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string command =
      "SIL_THREADS='" + value + "' '" + self + "' -tc='threads: printed for another case' -ns 2>&1";
  std::string out;
  FILE* f = popen(command.c_str(), "r");
  REQUIRE(f);
  for (int c; (c = fgetc(f)) != EOF;) out += char(c);
  pclose(f);
  const size_t begin = out.find("<<"), end = out.find(">>");
  REQUIRE_MESSAGE(end != std::string::npos, out);
  return out.substr(begin + 2, end - begin - 2);
}

}  // namespace

TEST_CASE("threads: printed for another case" * doctest::skip()) {
  try {
    std::printf("<<%d>>\n", threads());
  } catch (const Error& e) {
    std::printf("<<%s>>\n", e.what());
  }
}

TEST_CASE("threads: SIL_THREADS overrides, and says what it may be") {
  CHECK(threads_with("3") == "3");
  CHECK(threads_with("1") == "1");
  for (const char* bad : {"0", "-2", "two", "3x", "", "5000"})
    CHECK(threads_with(bad) == "SIL_THREADS is '" + std::string(bad) + "'; a whole number from 1 to 1024 expected");
}

TEST_CASE("threads: the quota is the smallest of the control group's and those around it, in v1 and in v2") {
  const test::Folder folder("cgroups");
  const auto plant = [&](const std::string& file, const std::string& text) {
    std::filesystem::create_directories((folder.path / "fs" / file).parent_path());
    test::write_text(folder.path / "fs" / file, text);
  };
  const auto quota = [&](const std::string& groups) {
    test::write_text(folder.path / "cgroup", groups);
    return cgroup_quota(folder.path / "cgroup", folder.path / "fs");
  };
  CHECK(std::isinf(quota("0::/\n")));
  plant("job.slice/cpu.max", "max 100000\n");
  plant("job.slice/run: 1.scope/cpu.max", "150000 100000\n");
  CHECK(quota("0::/job.slice/run: 1.scope\n") == 1.5);
  CHECK(std::isinf(quota("0::/job.slice\n")));
  CHECK(quota("0::/job.slice/run: 1.scope/gone\n") == 1.5);
  plant("job.slice/cpu.max", "50000 100000\n");  // what is around a group binds it too
  CHECK(quota("0::/job.slice/run: 1.scope\n") == 0.5);
  CHECK(quota("0::/job.slice\n") == 0.5);
  CHECK(std::isinf(quota("0::/other.slice\n")));

  plant("cpu/docker/a/cpu.cfs_quota_us", "300000\n");
  plant("cpu/docker/a/cpu.cfs_period_us", "100000\n");
  plant("cpu/docker/cpu.cfs_quota_us", "-1\n");
  plant("cpu/docker/cpu.cfs_period_us", "100000\n");
  CHECK(quota("5:cpuset:/job\n4:cpu,cpuacct:/docker/a\n0::/\n") == 3);
  CHECK(quota("4:cpuacct,cpu:/docker/a\n") == 3);
  CHECK(std::isinf(quota("4:cpu:/docker\n")));
  CHECK(std::isinf(quota("4:cpuset:/docker/a\n")));
  plant("cpu/cpu.cfs_quota_us", "200000\n");  // a container sees its own group as the root, but the host's name for it
  plant("cpu/cpu.cfs_period_us", "100000\n");
  CHECK(quota("4:cpu:/docker/unseen\n") == 2);
  CHECK(quota("") == 2);
  plant("cpu.max", "100000 100000\n");
  CHECK(quota("0::/\n") == 1);
}

TEST_CASE("threads: at least one") { CHECK(threads() >= 1); }

TEST_CASE("parallel_for: every index once, whatever the grain") {
  for (int64_t n : {0, 1, 7, 1000})
    for (int64_t grain : {0, 1, 3, 1000, 5000}) {
      std::vector<std::atomic<int>> seen(static_cast<size_t>(n));
      parallel_for(n, grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++seen[size_t(i)];
      });
      for (const auto& s : seen) CHECK(s == 1);
    }
}

TEST_CASE("parallel_for: inside another it runs serially") {
  std::atomic<int> calls = 0;
  parallel_for(64, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) parallel_for(100, 1, [&](int64_t, int64_t) { ++calls; });
  });
  CHECK(calls == 64);
}

TEST_CASE("threads: inside a task all runs on the task's thread") {
  std::atomic<int> calls{0}, elsewhere{0};
  parallel_tasks(8, [&](int64_t) {
    const auto mine = std::this_thread::get_id();
    const auto look = [&] {
      ++calls;
      elsewhere += std::this_thread::get_id() != mine;
    };
    parallel_for(100, 1, [&](int64_t, int64_t) { look(); });
    parallel_tasks(5, [&](int64_t) { look(); });
  });
  CHECK(calls == 8 * (1 + 5));
  CHECK(elsewhere == 0);
}

TEST_CASE("parallel_for: an exception arrives at the caller") {
  CHECK_THROWS_WITH_AS(parallel_for(100, 1,
                                    [](int64_t begin, int64_t) {
                                      if (begin == 0) throw Error("the first range");
                                    }),
                       "the first range", Error);
}

TEST_CASE("threads: every task runs once, and of several errors the first task's is thrown") {
  std::vector<std::atomic<int>> runs(1000);
  parallel_tasks(1000, [&](int64_t i) { ++runs[size_t(i)]; });
  for (const std::atomic<int>& n : runs) CHECK(n == 1);
  parallel_tasks(0, [](int64_t) { FAIL("there is no task"); });
  for (int round = 0; round < 20; ++round)
    CHECK_THROWS_WITH_AS(parallel_tasks(100,
                                        [](int64_t i) {
                                          if (i % 10 == 3) fail("task {}", i);
                                        }),
                         "task 3", Error);
}
