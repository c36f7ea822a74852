// How detections rank: the best score first, NaN last, as numpy sorts the negated scores.
#pragma once
#include <cmath>

namespace sil {

inline bool ranks_before(double a, double b) { return a > b || (std::isnan(b) && !std::isnan(a)); }

// Equals as they stood.
template <class Place>
bool ranks_before(double a, Place a_at, double b, Place b_at) {
  if (a > b) return true;
  if (a < b) return false;
  const bool a_is_nan = std::isnan(a), b_is_nan = std::isnan(b);
  return a_is_nan == b_is_nan ? a_at < b_at : b_is_nan;
}

}  // namespace sil
