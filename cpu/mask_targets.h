// What a mask head should answer, for the mask loss.
#pragma once
#include "tensor/kernels.h"

namespace sil::cpu {

// RoIAlign (scale 1, adaptive sampling) of each row's object: targets [R, M, M] of the rois' dtype; rois, object and
// masks as mask_loss's.  A negative object: zeros.
void mask_targets(In rois, In object, const MaskRuns&, Out targets, Scratch&);

}  // namespace sil::cpu
