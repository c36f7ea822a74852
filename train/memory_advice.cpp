#include "train/memory_advice.h"

#include <fmt/core.h>

#include <algorithm>

namespace sil {

std::string memory_advice(const OutOfMemory& e, int64_t fixed, int64_t before, int batch_size) {
  const double room = double(e.free + e.held - fixed), photos = double(e.in_use + e.asked - before);
  const bool known = e.asked > 0;  // else nobody knows what was asked for
  if (known && room <= 0) return fmt::format("weights, gradients and optimizer state alone need {} bytes", fixed);
  // Nothing asked for until it failed tells nothing of a photo.
  const int fits = known && photos > 0 ? int(std::min(batch_size - 1.0, batch_size * room / photos)) : batch_size - 1;
  if (fits >= 1) return fmt::format("train.batch_size={} may fit, or smaller photos", fits);
  return "smaller photos (Resize, or model.min_size and model.max_size) may fit";
}

}  // namespace sil
