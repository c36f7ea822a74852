// How many threads work, and loops over them.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>

namespace sil {

// $SIL_THREADS if set, else the CPUs that the scheduler and the cgroup's quota (v1 or v2) allow, at least 1.
int threads();

// CPUs that the quotas of this process's control group (v1 or v2) and of the groups around it allow: the smallest that
// can be read, or infinity.  `groups` is /proc/self/cgroup, `root` /sys/fs/cgroup.
double cgroup_quota(const std::filesystem::path& groups, const std::filesystem::path& root);

// Calls f(begin, end) on disjoint ranges that cover [0, n), each of at least `grain` indices but the last.  Which range
// a thread gets depends on n, grain and threads() alone.  Inside a parallel region it runs serially.  An exception in f
// is rethrown.
void parallel_for(int64_t n, int64_t grain, const std::function<void(int64_t begin, int64_t end)>& f);

// Calls f(i) for each i of [0, n), in order of i, each on whichever thread is free: for tasks of unequal length.
// Inside a parallel region it runs serially.  An exception in f ends it and is rethrown; of several, the least i's.
void parallel_tasks(int64_t n, const std::function<void(int64_t i)>& f);

}  // namespace sil
