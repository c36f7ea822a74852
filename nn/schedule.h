// The learning rate as a function of the step alone, so that a run resumes without stored state.
#pragma once
#include <cstdint>

namespace sil {

// rate(s) = base * min(1, (s + 1) / warmup_steps) * shape(s), steps counted from 0.
struct Schedule {
  enum class Kind {
    constant,  // 1
    step,      // gamma^floor(s / step_size)
    cosine,    // (1 + cos(pi s / total_steps)) / 2, then 0.  Loshchilov, Hutter 2016, eq. 5
  } kind = Kind::constant;
  double base = 0.005;
  int64_t warmup_steps = 0;
  int64_t step_size = 1;
  double gamma = 0.1;
  int64_t total_steps = 1;

  double operator()(int64_t step) const;
};

}  // namespace sil
