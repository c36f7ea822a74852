// The boundary of a mask: its pixels near what lies outside it, the photo's border included.  What Boundary IoU
// compares (Cheng et al. 2021, section 4).
#pragma once
#include "data/rle.h"

namespace sil {

// The mask's pixels that have no pixel outside within `radius` rows and columns; beyond the photo all is outside.  The
// same as `radius` erosions by 3x3 with a zero border.
Rle erode(RleView, int64_t radius);

// 2 % of the diagonal, rounded, half downwards as faster-coco-eval does; at least a pixel.
int64_t boundary_width(int64_t height, int64_t width);

// The mask without erode(mask, boundary_width(...)).
Rle boundary(RleView);

}  // namespace sil
