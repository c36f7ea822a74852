#include "tensor/axes.h"

namespace sil {

BroadcastAxes broadcast_axes(const Shape& a, const Shape& b, const Shape& y) {
  BroadcastAxes out;
  int64_t a_size = 1, b_size = 1;  // elements of the axes passed
  for (int i = 1; i <= y.rank(); ++i) {
    const int64_t n = y[-i];
    if (n == 1) continue;
    const bool in_a = i <= a.rank() && a[-i] != 1, in_b = i <= b.rank() && b[-i] != 1;
    const int last = out.rank - 1;
    if (last >= 0 && in_a == (out.a[last] != 0) && in_b == (out.b[last] != 0)) {
      out.extent[last] *= n;
    } else {
      out.extent[out.rank] = n;
      out.a[out.rank] = in_a ? a_size : 0;
      out.b[out.rank] = in_b ? b_size : 0;
      ++out.rank;
    }
    if (in_a) a_size *= n;
    if (in_b) b_size *= n;
  }
  if (out.rank == 0) out.rank = 1, out.extent[0] = 1, out.a[0] = out.b[0] = 0;
  return out;
}

AxisGroups group_axes(const Shape& shape, unsigned axes) {
  AxisGroups g;
  for (int i = 0; i < shape.rank(); ++i) {
    const bool reduced = axes >> i & 1, last_reduced = g.count % 2 == 0;
    if (reduced == last_reduced)
      g.extent[g.count - 1] *= shape[i];
    else
      g.extent[g.count++] = shape[i];
  }
  return g;
}

}  // namespace sil
