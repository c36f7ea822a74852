// Names that weights had in older files.
#pragma once
#include <string>

#include "nn/state_dict.h"

namespace sil {

// torchvision before 0.13 named the detector's convolutions without the module around them, as its published files do:
//   rpn.head.conv.*                    -> rpn.head.conv.0.0.*
//   backbone.fpn.inner_blocks.N.*      -> backbone.fpn.inner_blocks.N.0.*      (layer_blocks too)
//   roi_heads.mask_head.mask_fcnN.*    -> roi_heads.mask_head.(N - 1).0.*
// (its _load_from_state_dict of RPNHead, FeaturePyramidNetwork and MaskRCNNHeads.)  Other names stay.  Throws an Error
// that names `source` if a layer is there under both names.
StateDict with_current_names(StateDict, const std::string& source);

}  // namespace sil
