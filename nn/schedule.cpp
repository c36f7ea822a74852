#include "nn/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sil {

double Schedule::operator()(int64_t s) const {
  double shape = 1;
  if (kind == Kind::step) shape = std::pow(gamma, double(s / std::max<int64_t>(step_size, 1)));
  if (kind == Kind::cosine) {
    const double done = std::min(1.0, double(s) / double(std::max<int64_t>(total_steps, 1)));
    shape = 0.5 * (1 + std::cos(std::numbers::pi * done));
  }
  const double warm = warmup_steps > 0 ? std::min(1.0, double(s + 1) / double(warmup_steps)) : 1.0;
  return base * warm * shape;
}

}  // namespace sil
