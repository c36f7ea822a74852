// When to stop: no better score for `patience` epochs, counted from the first score above 0.
#pragma once
#include <optional>

#include "train/checkpoint.h"

namespace sil {

// Takes a validation's score into account; true if it is the best so far (of equal ones the earliest).
inline bool improve(Progress& progress, int64_t step, double score) {
  if (!(score > progress.best_score)) return false;
  progress.best_score = score;
  progress.best_step = step;
  return true;
}

inline bool should_stop(const Progress& progress, const TrainConfig& train, int64_t photos) {
  if (!train.early_stopping_patience || progress.best_step == 0) return false;
  return epochs_of_steps(train, progress.step - progress.best_step, photos) >= *train.early_stopping_patience - 1e-9;
}

}  // namespace sil
