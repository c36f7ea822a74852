// The score from which on a class's detections are best kept.
#pragma once
#include <optional>

#include "eval/matches.h"

namespace sil {

struct ScoreThreshold {
  double score = 0;  // detections of this score or more are kept
  double f1 = 0, precision = 0, recall = 0;
  int64_t right = 0, wrong = 0, missed = 0;
};

// Of the largest F1 = 2 right / (2 right + wrong + missed) at one IoU threshold (its index); of equals the highest
// score.  Ignored detections do not count.  None if nothing was right, however low the score.
std::optional<ScoreThreshold> best_score_threshold(const Matches::Class&, size_t threshold);

}  // namespace sil
