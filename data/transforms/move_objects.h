// What both kinds of resize do to a photo's objects.
#pragma once
#include "data/batch.h"

namespace sil {

// Boxes scaled by new / old in float32, masks to the nearest pixel.
void move_objects(Example&, int old_height, int old_width, int height, int width);

}  // namespace sil
