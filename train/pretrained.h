// Where "pretrained": true finds torchvision's published weights.
#pragma once
#include <filesystem>

#include "models/mask_rcnn.h"
#include "nn/state_dict.h"

namespace sil {

// The COCO detector for ResNet-50, else the ImageNet backbone, as .pth or .safetensors: $SIL_WEIGHTS if it is a file,
// else in the folder $SIL_WEIGHTS, else in torch's checkpoint cache.  Throws an Error that says where it looked, how to
// get the weights and how to train without.
std::filesystem::path find_pretrained(const std::string& backbone);

// Whether a file with this SHA-256 is torchvision's published Mask R-CNN, whose norms have epsilon 0.
bool is_published_detector(const std::string& sha256);

// Whether these are a classifier's weights, without a detector's parts.
bool is_backbone(const StateDict&);

// Puts an ImageNet classifier's layers, but its last, into the model's backbone.  Returns a line that says what was
// loaded, is new and is left over.
std::string load_backbone(MaskRcnn&, const StateDict&, const std::string& source);

}  // namespace sil
