// The weights that a new model starts from: those that torch.manual_seed(seed) gives torchvision's
// MaskRCNN(resnet_fpn_backbone(...), classes), as maskrcnn_resnet50_fpn builds it, number for number.
#pragma once
#include <cstdint>

#include "models/fpn.h"
#include "models/heads.h"
#include "models/resnet.h"
#include "models/rpn.h"

namespace sil {

// Norms and the other biases stay as they are: 1 and 0.
void draw_weights(ResNet&, Fpn&, RpnHead&, BoxHead&, MaskHead&, uint64_t seed);

}  // namespace sil
