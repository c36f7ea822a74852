// Precision and recall over all images: pycocotools' accumulate().
#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <numeric>
#include <optional>

#include "eval/coco_eval.h"
#include "eval/rank.h"
#include "tensor/check.h"
#include "tensor/threads.h"

namespace sil {
namespace {

// A detection of one category.
struct Ranked {
  double score;
  size_t at, rank;  // where its bits are, its place in its image
};

void rank(std::vector<Ranked>& detections) {
  std::ranges::sort(detections,
                    [](const Ranked& a, const Ranked& b) { return ranks_before(a.score, a.at, b.score, b.at); });
}

// A right detection, and how many wrong ones come before it.
struct Right {
  int64_t wrong;
  double score;
};

// One category's curves, one a bit (a * T + t), over the detections that a limit leaves; buffers serve all categories.
struct Curves {
  std::vector<std::vector<Right>> rights;
  std::vector<int64_t> wrong;
  std::optional<double> first_score;  // of the best detection, an ignored one too

  void clear(size_t words) {
    rights.resize(words * 64);
    for (std::vector<Right>& r : rights) r.clear();
    wrong.assign(words * 64, 0);
    first_score.reset();
  }
  void add(double score, const uint64_t* matched, const uint64_t* ignored, size_t words) {
    if (!first_score) first_score = score;
    for (size_t w = 0; w < words; ++w) {
      int64_t* counts = &wrong[w * 64];
      for (uint64_t bits = matched[w] & ~ignored[w]; bits; bits &= bits - 1) {
        const size_t i = size_t(std::countr_zero(bits));
        rights[w * 64 + i].push_back({counts[i], score});
      }
      const uint64_t bits = ~(matched[w] | ignored[w]);
#pragma omp simd
      for (uint64_t i = 0; i < 64; ++i) counts[i] += int64_t(bits >> i & 1);
    }
  }
};

// Precision at each right detection, made to fall: the best from there on.
void envelope(std::span<const Right> rights, std::vector<double>& falling) {
  falling.resize(rights.size());
  double best = 0;
  for (size_t i = rights.size(); i-- > 0;) {
    const double right = double(i + 1);
    best = std::max(best, right / (double(rights[i].wrong) + right + std::numeric_limits<double>::epsilon()));
    falling[i] = best;
  }
}

// The first right detection at which recall reaches the threshold.
size_t first_to_reach(double threshold, double objects, size_t rights) {
  const auto reaches = [&](size_t i) { return double(i + 1) / objects >= threshold; };
  const double about = threshold * objects - 1;  // rounding may be off by one
  size_t i = about > 0 ? size_t(std::min(about, double(rights))) : 0;
  while (i > 0 && reaches(i - 1)) --i;
  while (i < rights && !reaches(i)) ++i;
  return i;
}

// precision[r] and scores[r] at each recall threshold, `stride` apart: at the first detection that reaches it.  A
// threshold that none reaches ends the row; what follows is 0.
void read_curve(std::span<const Right> rights, std::span<const double> falling, std::optional<double> first_score,
                double objects, std::span<const double> thresholds, double* precision, double* scores, size_t stride) {
  bool ended = false;
  for (size_t r = 0; r < thresholds.size(); ++r) {
    double p = 0, s = 0;
    if (!ended && thresholds[r] <= 0 && first_score) {  // reached before the first right detection
      p = falling.empty() ? 0 : falling[0];
      s = *first_score;
    } else if (!ended) {
      const size_t i = first_to_reach(thresholds[r], objects, rights.size());
      ended = i == rights.size();
      if (!ended) p = falling[i], s = rights[i].score;
    }
    precision[r * stride] = p;
    scores[r * stride] = s;
  }
}

}  // namespace

void Accumulated::copy_limit(size_t category, size_t from, size_t to) {
  const auto copy = [&](std::vector<double>& values, size_t rows) {
    for (size_t i = 0; i < rows; ++i)
      for (size_t a = 0; a < A; ++a) {
        double* limits = &values[((i * K + category) * A + a) * M];
        limits[to] = limits[from];
      }
  };
  copy(precision, T * R);
  copy(scores, T * R);
  copy(recall, T);
}

// One category's detections over all images, best first.
struct Evaluator::Ranking {
  std::vector<Ranked> detections;
  std::vector<uint64_t> bits;    // matched and ignored of each, side by side: read in any order
  std::vector<int64_t> objects;  // by area
  size_t most;                   // detections in an image
};

// By image id: the order decides between equal scores.
void Evaluator::rank_category(const Kept& kept, std::span<size_t> groups, Ranking& out) const {
  const size_t A = out.objects.size(), words = kept.words;
  std::ranges::sort(groups, {}, [&](size_t i) { return groups_[i].image_id; });
  std::ranges::fill(out.objects, 0);
  out.detections.clear();
  out.bits.clear();
  out.most = 0;
  for (size_t i : groups) {
    const Group& g = groups_[i];
    for (size_t a = 0; a < A; ++a) out.objects[a] += kept.objects[i * A + a];
    for (size_t row = g.begin; row < g.end; ++row) {
      out.detections.push_back({scores_[row], out.bits.size(), row - g.begin});
      out.bits.insert(out.bits.end(), &kept.matched[row * words], &kept.matched[row * words] + words);
      out.bits.insert(out.bits.end(), &kept.ignored[row * words], &kept.ignored[row * words] + words);
    }
    out.most = std::max(out.most, g.end - g.begin);
  }
  rank(out.detections);
}

// What the limit m leaves of a ranking.
void Evaluator::measure(const Protocol& p, const Ranking& ranking, size_t words, size_t k, size_t m, Accumulated& out) {
  static thread_local Curves curves;
  static thread_local std::vector<double> falling;
  const auto [T, R, K, A, M] = std::array{out.T, out.R, out.K, out.A, out.M};
  curves.clear(words);
  for (const Ranked& d : ranking.detections)
    if (d.rank < size_t(p.max_detections[m]))
      curves.add(d.score, &ranking.bits[d.at], &ranking.bits[d.at + words], words);
  for (size_t a = 0; a < A; ++a)
    for (size_t t = 0; ranking.objects[a] > 0 && t < T; ++t) {
      const double objects = double(ranking.objects[a]);
      const std::vector<Right>& rights = curves.rights[a * T + t];
      envelope(rights, falling);
      const size_t at = ((t * R * K + k) * A + a) * M + m;
      read_curve(rights, falling, curves.first_score, objects, p.recall_thresholds, &out.precision[at], &out.scores[at],
                 K * A * M);
      out.recall[((t * K + k) * A + a) * M + m] = double(rights.size()) / objects;
    }
}

Accumulated Evaluator::accumulate(size_t which) const {
  const Protocol& p = protocol(which);
  const Kept& kept = kept_[which];
  const size_t T = p.iou_thresholds.size(), R = p.recall_thresholds.size(), K = categories_.size();
  const size_t A = p.areas.size(), M = p.max_detections.size();
  Accumulated out{T, R, K, A, M, {}, {}, {}};
  out.precision.assign(T * R * K * A * M, -1.0);
  out.scores.assign(T * R * K * A * M, -1.0);
  out.recall.assign(T * K * A * M, -1.0);

  std::vector<size_t> begins(K + 1), order(groups_.size());  // groups by category
  for (const Group& g : groups_) ++begins[g.category + 1];
  std::partial_sum(begins.begin(), begins.end(), begins.begin());
  std::vector<size_t> next = begins;
  for (size_t i = 0; i < groups_.size(); ++i) order[next[groups_[i].category]++] = i;

  parallel_tasks(int64_t(K), [&](int64_t task) {
    static thread_local Ranking ranking;
    const size_t k = size_t(task);
    ranking.objects.resize(A);
    rank_category(kept, std::span(order).subspan(begins[k], begins[k + 1] - begins[k]), ranking);
    if (std::ranges::all_of(ranking.objects, [](int64_t n) { return n == 0; })) return;
    for (size_t m = 0; m < M; ++m)
      if (m > 0 && ranking.most <= size_t(p.max_detections[m - 1]))  // the limit before left them all, too
        out.copy_limit(k, m - 1, m);
      else
        measure(p, ranking, kept.words, k, m, out);
  });
  return out;
}

}  // namespace sil
