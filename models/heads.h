// The heads on the RoIs: class and box (Girshick 2015, fig. 1; two linear layers), mask (He et al. 2017, fig. 4 right).
// Shapes: R RoIs, S samples, C pyramid channels, K classes (0 is background), M mask size.
#pragma once
#include <utility>
#include <vector>

#include "data/batch.h"
#include "models/config.h"
#include "models/roi_sampler.h"
#include "nn/layers.h"

namespace sil {

struct BoxOutput {
  Var class_logits;  // [R, K]
  Var deltas;        // [R, K * 4]
};

struct BoxHead {
  static constexpr int kPooled = 7;
  Linear fc6, fc7, cls_score, bbox_pred;

  explicit BoxHead(const ModelConfig&);
  BoxOutput operator()(const Var& features) const;  // [R, 7, 7, C]
  void visit(Visitor&);
};

// (classifier, box): cross-entropy, mean over the samples; smooth L1 (beta 1/9) of the deltas of the true class,
// sum / samples.  Girshick 2015, eq. 1.
std::pair<Var, Var> box_losses(const BoxOutput&, const Samples&, const Targets&, const BoxConfig&);

struct MaskHead {
  std::vector<Conv2d> convs;
  ConvTranspose2d conv5_mask;
  Conv2d mask_fcn_logits;

  explicit MaskHead(const ModelConfig&);
  Var features(const Var& x) const;  // [R, M/2, M/2, C] -> [R, M, M, width]; mask_fcn_logits makes logits of them
  // Logits [R, M, M] of one class a row; labels int32 [R].
  Tensor logits_of(const Tensor& features, const Tensor& labels) const;
  void visit(Visitor&);
};

// logits [R, M, M, K] -> [R, M, M] of each row's class, zeros of an empty row's (-1).
Tensor select_class(const Tensor& logits, const Tensor& labels);

// Binary cross-entropy with the object's mask in the RoI, of the true class's logits, mean over positives x M^2.
// Without positives 0, and the head's gradients are zeros.  He et al. 2017, section 3.
Var mask_loss(const Var& logits, const Samples&, const Targets&);

}  // namespace sil
