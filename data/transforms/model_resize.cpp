#include <algorithm>
#include <cmath>

#include "data/transforms.h"
#include "data/transforms/move_objects.h"

namespace sil {

std::array<int, 2> model_size(int height, int width, SizeRule rule) {
  const double scale =
      std::min(double(rule.min_size) / std::min(height, width), double(rule.max_size) / std::max(height, width));
  return {std::max(1, int(std::floor(height * scale))), std::max(1, int(std::floor(width * scale)))};
}

void resize_for_model(Example& e, SizeRule rule) {
  const int height = int(e.photo.dim(0)), width = int(e.photo.dim(1));
  e.size = model_size(height, width, rule);
  if (e.size != std::array{height, width}) move_objects(e, height, width, e.size[0], e.size[1]);
}

}  // namespace sil
