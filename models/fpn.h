// The feature pyramid, Lin et al. 2017 (Feature pyramid networks), fig. 3: p5 = 3x3(1x1(c5)); going down, the coarser
// map is upsampled (nearest) and added to the finer one's 1x1; p6 is every second pixel of p5.
#pragma once
#include <array>
#include <vector>

#include "nn/layers.h"

namespace sil {

struct Fpn {
  std::vector<Conv2d> inner_blocks, layer_blocks;  // of c2..c5

  Fpn(const std::array<int, 4>& in_channels, int channels);
  // c2..c5 -> p2..p6, each [N, H, W, channels]
  std::vector<Var> operator()(const std::vector<Var>& c) const;
  void visit(Visitor&);
};

}  // namespace sil
