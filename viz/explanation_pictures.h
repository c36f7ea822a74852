// An evaluation drawn: precision over recall, the confusion matrix, calibration.
#pragma once
#include <optional>
#include <string>

#include "eval/coco_eval.h"
#include "eval/explanation.h"
#include "tensor/tensor.h"

namespace sil {

// A curve for each IoU threshold, of all areas, at the largest limit of detections: of one class (index into
// explanation.classes) with its best score threshold as a dot, or the mean over the classes that have objects.
Tensor draw_curves(const Accumulated&, const Protocol&, const Explanation&, std::optional<size_t> category = {});

// Rows what was there, columns what was found; a cell is as dark as its share of the row.  Counts where they fit.
Tensor draw_confusion(const Explanation&);

// Which share of the detections is right, by score.
Tensor draw_calibration(const Explanation&);

}  // namespace sil
