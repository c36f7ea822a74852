// The arguments that ladders share, on the CPU.
#pragma once
#include <vector>

#include "bench/kernels/ladder.h"
#include "tensor/ops.h"

namespace sil {

Tensor random_floats(const Shape&, uint64_t seed, float lo, float hi);

// Boxes inside a photo, small ones more often than large ones.
Tensor random_boxes(int64_t count, uint64_t seed, float width, float height);

// RoIs of a pyramid, photo by photo.  real: two photos of 800 x 1344, 512 RoIs each, 256 channels, 7 x 7 bins.
struct RoiProblem {
  std::vector<Tensor> pyramid;  // [N, H, W, C], p2 first
  Tensor rois, image;           // [R, 4], [R]
  RoiAlignGeom geom;

  RoiProblem to(Device) const;
};
RoiProblem roi_problem(LadderSize);

inline double bytes_of(const std::vector<Tensor>& tensors) {
  double sum = 0;
  for (const Tensor& t : tensors) sum += double(t.bytes());
  return sum;
}

}  // namespace sil
