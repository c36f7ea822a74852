#include "cuda/ring.h"

namespace sil::cuda {

std::optional<size_t> Ring::take(size_t bytes) {
  const size_t size = (bytes + 255) / 256 * 256;
  // Free is what lies behind the newest, up to the oldest, round the end.
  size_t begin = taken_.empty() ? 0 : taken_.back().end;
  const bool wrapped = !taken_.empty() && taken_.back().begin < taken_.front().begin;
  if (wrapped) {
    if (size > taken_.front().begin - begin) return std::nullopt;
  } else if (size > bytes_ - begin) {
    begin = 0;
    if (size > (taken_.empty() ? bytes_ : taken_.front().begin)) return std::nullopt;
  }
  taken_.push_back({begin, begin + size});
  return begin;
}

void Ring::give_back_oldest() { taken_.pop_front(); }

}  // namespace sil::cuda
