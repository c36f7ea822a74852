// Mask R-CNN's stages drawn, each a figure of its own.  Stages are torch's: [N, C, H, W], under the names that
// `inspect` writes; N is the batch's first photo alone.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace sil {

using StageMap = std::map<std::string, Tensor>;
using Named = std::function<std::string(int output)>;  // a class's name

// What the network sees, its normalisation taken back; black is the padding.
Tensor draw_input(const StageMap&);
// How strong c2..c5 and p2..p6 are at each cell: the mean of |x| over the channels.
Tensor draw_feature_maps(const StageMap&);
// Of anchors [A, 4] those that are matched (int32 [A] >= 0: the object, by its row), and the objects' boxes [G, 4].
Tensor draw_matched_anchors(const StageMap&, const Tensor& matched, const Tensor& truth);
// The best objectness of a cell's anchors, on each level.
Tensor draw_objectness(const StageMap&);
// The best proposals, the surest darkest.
Tensor draw_proposals(const StageMap&);
// Where RoIAlign reads for a RoI (float32 [4], in input coordinates): its bins and samples on its level's cells.
// `finest` is the level whose scale p2 has (RoiAlignGeom).
Tensor draw_roi_align(const StageMap&, const Tensor& roi, int finest = 2);
// What the box head says of some proposals.
Tensor draw_class_scores(const StageMap&, const Named&);
// Each detection's mask as the head gives it and as pasted onto the photo (uint8 [H, W, 3], in its own pixels).
Tensor draw_masks(const StageMap&, const Tensor& photo, const Named&);
// The size of each weight's gradient.
Tensor draw_gradients(const StageMap&);

}  // namespace sil
