// Precision and recall over all images: pycocotools' accumulate().
#include <algorithm>
#include <cmath>
#include <limits>

#include "eval/coco_eval.h"
#include "tensor/check.h"
#include "tensor/threads.h"

namespace sil {
namespace {

// Detections of one category, best score first.
struct Ranked {
  size_t row;   // in the evaluator's columns
  size_t rank;  // in its image
  double score;
};

// Stable, NaN last: numpy's mergesort of the negated scores.
bool ranks_before(const Ranked& a, const Ranked& b) {
  return a.score > b.score || (std::isnan(b.score) && !std::isnan(a.score));
}

// Of one category, area, limit and threshold: how many detections count as wrong before each right one.
struct Curve {
  std::vector<int64_t> wrong_before;
  size_t rows = 0;         // detections, ignored ones too
  double first_score = 0;  // of the best detection
  std::vector<double> scores;
};

// Precision at each right detection, made to fall: the best from there on.
std::vector<double> envelope(const std::vector<int64_t>& wrong_before) {
  std::vector<double> out(wrong_before.size());
  double best = 0;
  for (size_t i = out.size(); i-- > 0;) {
    const double right = double(i + 1);
    best = std::max(best, right / (double(wrong_before[i]) + right + std::numeric_limits<double>::epsilon()));
    out[i] = best;
  }
  return out;
}

// precision[r] and scores[r] at each recall threshold, `stride` apart: at the first detection that reaches it.  A
// threshold that none reaches ends the row; what follows stays 0.
void read_curve(const Curve& curve, double objects, std::span<const double> thresholds, double* precision,
                double* scores, size_t stride) {
  const std::vector<double> falling = envelope(curve.wrong_before);
  const auto reaches = [&](size_t i, double threshold) { return double(i + 1) / objects >= threshold; };
  for (size_t r = 0; r < thresholds.size(); ++r) {
    const double threshold = thresholds[r];
    if (threshold <= 0 && curve.rows > 0) {  // reached before the first right detection
      precision[r * stride] = falling.empty() ? 0 : falling[0];
      scores[r * stride] = curve.first_score;
      continue;
    }
    size_t low = 0, high = falling.size();
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (reaches(middle, threshold))
        high = middle;
      else
        low = middle + 1;
    }
    if (low == falling.size()) break;
    precision[r * stride] = falling[low];
    scores[r * stride] = curve.scores[low];
  }
}

}  // namespace

Accumulated Evaluator::accumulate(size_t which) const {
  const Protocol& p = protocol(which);
  const Kept& kept = kept_[which];
  const size_t T = p.iou_thresholds.size(), R = p.recall_thresholds.size(), K = categories_.size();
  const size_t A = p.areas.size(), M = p.max_detections.size();
  Accumulated out{T, R, K, A, M, {}, {}, {}};
  out.precision.assign(T * R * K * A * M, -1.0);
  out.scores = out.precision;
  out.recall.assign(T * K * A * M, -1.0);

  std::vector<std::vector<size_t>> groups(K);  // of each category, by image id: the order decides between equal scores
  for (size_t i = 0; i < groups_.size(); ++i) groups[groups_[i].category].push_back(i);

  const auto one_category = [&](size_t k) {
    std::ranges::sort(groups[k], {}, [&](size_t i) { return groups_[i].image_id; });
    std::vector<int64_t> objects(A, 0);
    std::vector<Ranked> ranked;
    for (size_t i : groups[k]) {
      const Group& g = groups_[i];
      for (size_t a = 0; a < A; ++a) objects[a] += kept.objects[i * A + a];
      for (size_t row = g.begin; row < g.end; ++row) ranked.push_back({row, row - g.begin, scores_[row]});
    }
    std::ranges::stable_sort(ranked, ranks_before);

    for (size_t a = 0; a < A; ++a) {
      if (objects[a] == 0) continue;
      for (size_t m = 0; m < M; ++m)
        for (size_t t = 0; t < T; ++t) {
          Curve curve;
          int64_t wrong = 0;
          for (const Ranked& d : ranked) {
            if (d.rank >= size_t(p.max_detections[m])) continue;
            if (curve.rows++ == 0) curve.first_score = d.score;
            const size_t bit = a * T + t, at = d.row * kept.words + bit / 64;
            if (kept.ignored[at] >> bit % 64 & 1) continue;
            if (kept.matched[at] >> bit % 64 & 1) {
              curve.wrong_before.push_back(wrong);
              curve.scores.push_back(d.score);
            } else {
              ++wrong;
            }
          }
          const size_t at = ((t * R * K + k) * A + a) * M + m, stride = K * A * M;
          for (size_t r = 0; r < R; ++r) out.precision[at + r * stride] = out.scores[at + r * stride] = 0;
          read_curve(curve, double(objects[a]), p.recall_thresholds, &out.precision[at], &out.scores[at], stride);
          out.recall[((t * K + k) * A + a) * M + m] = double(curve.wrong_before.size()) / double(objects[a]);
        }
    }
  };
  parallel_for(int64_t(K), 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) one_category(size_t(k));
  });
  return out;
}

}  // namespace sil
