// The region proposal network, Ren et al. 2015 (Faster R-CNN), section 3.1, on a pyramid (Lin et al. 2017,
// section 4.1). Shapes: N photos, A anchors, B = 3 anchors a cell, L = 5 levels, P proposals.
#pragma once
#include <utility>
#include <vector>

#include "data/batch.h"
#include "models/config.h"
#include "models/rois.h"
#include "nn/layers.h"

namespace sil {

struct RpnOutput {
  std::vector<Var> objectness;  // per level, logits [N, H, W, B]
  std::vector<Var> deltas;      // per level, [N, H, W, B * 4]
};

struct RpnHead {
  Conv2d conv, cls_logits, bbox_pred;

  RpnHead(int channels, int anchors_per_cell);
  RpnOutput operator()(const std::vector<Var>& pyramid) const;
  void visit(Visitor& v) { v("conv.0.0", conv)("cls_logits", cls_logits)("bbox_pred", bbox_pred); }
};

// Tensors in: the gradient stops.  Per level the best candidates by logit are decoded and clipped to the photo
// (sizes int32 [N, 2]: height, width before padding), sides under min_side dropped, overlaps suppressed level by level,
// and the best of all levels kept.
Rois propose(const std::vector<Tensor>& objectness, const std::vector<Tensor>& deltas, const Tensor& anchors,
             const Tensor& sizes, const RpnConfig&, Mode);

// (objectness, box): binary cross-entropy, mean over the samples; smooth L1 (beta 1/9) of the positives' deltas,
// sum / samples.  Ren et al. 2015, eq. 1.  key: int64 [1], which the samples are drawn from.
std::pair<Var, Var> rpn_losses(const RpnOutput&, const Tensor& anchors, const Targets&, const RpnConfig&,
                               const Tensor& key);

}  // namespace sil
