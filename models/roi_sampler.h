// Which RoIs the heads learn from: the fast R-CNN recipe, Girshick 2015, section 2.3.
#pragma once
#include "data/batch.h"
#include "models/config.h"
#include "models/rois.h"
#include "tensor/rng.h"

namespace sil {

// Both lists end in empty rows: their image, label, row and object are -1, and no loss counts them.  On the CPU they
// are as long as row_capacity says; on a GPU as long as they can get.
struct Samples {
  Rois rois;      // S rows
  Tensor labels;  // int32 [S], 0 is background
  Tensor count;   // int32 [1]: rows of `rois` that are not empty

  // Those of an object.
  Tensor positive;         // int32 [S+]: rows of `rois`
  Rois positive_rois;      // S+ rows
  Tensor positive_labels;  // int32 [S+], 1..K-1
  Tensor positive_object;  // int32 [S+]: rows of the targets
};

// Each photo's proposals followed by its ground-truth boxes are matched with its objects and drawn from, by the key
// (int64 [1]).
Samples sample_rois(const Rois& proposals, const Targets&, int64_t photos, const BoxConfig&, const Tensor& key);

// `rows` rounded up to one of 8 values an octave.  How many rows are drawn changes every step, and for each count that
// a head meets oneDNN generates code anew; so there are few counts.
int64_t row_capacity(int64_t rows);

}  // namespace sil
