// What this thread works on, by name: the stages of the model (c2, p5, proposals, mask_logits, loss.box), and what
// follows them.  A range is a stretch of a profiler's timeline (NVTX, as Nsight Systems shows it) in a build with CUDA,
// and a row of a RangeLog where one lives; otherwise it is nothing.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace sil {

class Range {
 public:
  explicit Range(std::string name);
  ~Range();
  Range(const Range&) = delete;

 private:
  std::string name_;
  double begin_ = 0;  // where a log is
};

template <class F>
auto in_range(const char* name, F f) {
  const Range range(name);
  return f();
}

// How long this thread's ranges take while it lives, those of one name together, in the order of their first end.  It
// is the host's time: a GPU's work may run on behind a range.
class RangeLog {
 public:
  RangeLog();
  ~RangeLog();
  RangeLog(const RangeLog&) = delete;

  std::vector<std::pair<std::string, double>> milliseconds;

 private:
  RangeLog* before_;
};

}  // namespace sil
