// What a pass computes on its way, kept under the stages' names and in torch's order: what `inspect` writes and
// compares.
//
//   input, c2..c5, p2..p6, rpn.objectness.L, rpn.deltas.L   [N, C, H, W]
//   anchors [A, 4]; proposals.I [P, 4], of photo I
//   box_features [P, C, 7, 7], class_logits [P, K], box_deltas [P, 4K], mask_features [D, C, 14, 14],
//   mask_logits [D, K, 28, 28]
//   detections.boxes [D, 4], .scores [D], .labels int64 [D], .masks [D, 1, H, W]: of one photo, in its own pixels;
//   masks are probabilities
//   loss.NAME [1]; grad.PARAMETER in torchvision's shape
// float32, float64 where the model is widened (masks and detections are float32 all the same)
//   curve.NAME [steps], a loss of each step; moved.PARAMETER: its value behind the last step less that at the start
#pragma once
#include <map>
#include <string>

#include "models/mask_rcnn.h"
#include "nn/optimizer.h"

namespace sil {

using Stages = std::map<std::string, Tensor>;

// Keeps what passes.  The heads see `given`'s proposals.I where it has them; what is kept is always the model's own.
class KeepStages : public Probe {
 public:
  explicit KeepStages(Stages given = {}) : given_(std::move(given)) {}
  Tensor stage(const std::string& name, const Tensor&) override;

  Stages stages;

 private:
  Stages given_;
};

// Every stage of detection in one photo (a batch of one).
Stages detection_stages(MaskRcnn&, const Batch&, Stages given = {});

// Every stage of a training step, with all losses and the gradients of their sum.  The model's samplers decide which
// candidates take part: every_candidate() leaves nothing to chance.
Stages training_stages(MaskRcnn&, const Batch&, Stages given = {});
void every_candidate(ModelConfig&);

// Steps of SGD on one batch: how the losses fall and where the parameters go.  The proposals of photo I at step S are
// proposals.I.S, the model's own as the heads saw `given`'s: one that crosses an IoU of 0.5 moves the box loss by 1 %.
Stages training_curve(MaskRcnn&, const Batch&, int steps, double rate, const OptimizerConfig&,
                      const Stages& given = {});

}  // namespace sil
