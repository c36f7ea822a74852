#include "data/transforms/move_objects.h"

namespace sil {

void move_objects(Example& e, int old_height, int old_width, int height, int width) {
  const float by_y = float(height) / float(old_height), by_x = float(width) / float(old_width);
  for (size_t i = 0; i < e.boxes.size(); i += 2) {
    e.boxes[i] *= by_x;
    e.boxes[i + 1] *= by_y;
  }
  for (Rle& mask : e.masks) mask = resize_nearest(mask, height, width);
}

}  // namespace sil
