// How loops walk the axes of broadcasting and of reductions: what neighbouring axes have in common is one axis.
#pragma once
#include "tensor/shape.h"

namespace sil {

// y's axes, innermost first, with the steps of a and b along them: 0 where they broadcast.  Neighbours that one step
// walks are merged, so equal shapes have one axis and [N, H, W, C] with [C] has two.
struct BroadcastAxes {
  int rank = 0;
  int64_t extent[Shape::kMaxRank], a[Shape::kMaxRank], b[Shape::kMaxRank];
};

BroadcastAxes broadcast_axes(const Shape& a, const Shape& b, const Shape& y);

// Groups of neighbouring axes that are all kept or all reduced, outermost first; the first is kept (maybe of extent 1).
struct AxisGroups {
  int count = 1;
  int64_t extent[Shape::kMaxRank + 1] = {1};
};

// Bit i of `axes`: axis i is reduced.
AxisGroups group_axes(const Shape& shape, unsigned axes);

}  // namespace sil
