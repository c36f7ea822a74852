// Anchors, Ren et al. 2015 (Faster R-CNN), section 3.1.1, one size a pyramid level (Lin et al. 2017, section 4.1).
#pragma once
#include <vector>

#include "models/config.h"
#include "tensor/tensor.h"

namespace sil {

// The boxes around (0, 0) of one level: float32 [ratios, 4], area size^2, height / width = ratio, corners rounded half
// to even.
Tensor base_anchors(float size, const std::array<float, 3>& ratios);
// Of every level.
std::vector<Tensor> base_anchors(const ModelConfig&);

// All anchors of one photo, float32 [A, 4] in pixels of the padded input: levels in order, inside a level by row,
// column, ratio.  pyramid: shapes [N, H_l, W_l, C] of p2..p6.  The stride is padded size // grid per axis, so p6 of 800
// (13 cells) has 61.  Anchors have no half-cell offset and are not clipped.  They are made where `base`, of every
// level, lies.
Tensor make_anchors(const std::vector<Shape>& pyramid, int64_t padded_height, int64_t padded_width,
                    const std::vector<Tensor>& base);

}  // namespace sil
