#include "eval/score_threshold.h"

namespace sil {

std::optional<ScoreThreshold> best_score_threshold(const Matches::Class& c, size_t threshold) {
  const int64_t objects = c.object_count();
  std::optional<ScoreThreshold> best;
  int64_t right = 0, wrong = 0;
  for (size_t i = 0; i < c.rows.size(); ++i) {
    const Matches::Row& row = c.rows[i];
    if (row.right >> threshold & 1)
      ++right;
    else if (!(row.ignored >> threshold & 1))
      ++wrong;
    const bool last_of_its_score = i + 1 == c.rows.size() || c.rows[i + 1].score != row.score;
    if (!last_of_its_score || right == 0) continue;
    const double f1 = 2.0 * double(right) / double(right + wrong + objects);
    if (!best || f1 > best->f1)
      best = {row.score,      f1, double(right) / double(right + wrong), double(right) / double(objects), right, wrong,
              objects - right};
  }
  return best;
}

}  // namespace sil
