#include "eval/matches.h"

#include <algorithm>

#include "eval/coco_eval.h"
#include "eval/rank.h"
#include "tensor/check.h"

namespace sil {

int64_t Matches::Class::object_count() const {
  int64_t n = 0;
  for (const auto& [image_id, count] : objects) n += count;
  return n;
}

size_t Matches::threshold(double iou) const {
  const auto at = std::ranges::find(iou_thresholds, iou);
  check(at != iou_thresholds.end(), "an IoU threshold of {} is needed and was not measured", iou);
  return size_t(at - iou_thresholds.begin());
}

Matches Evaluator::matches(size_t which) const {
  const Protocol& p = protocol(which);
  const Kept& kept = kept_[which];
  const size_t T = p.iou_thresholds.size(), A = p.areas.size();
  check(T <= 64 && A > 0, "matches: {} IoU thresholds and {} areas; at most 64 and at least 1 expected", T, A);
  const uint64_t all = T == 64 ? ~uint64_t(0) : (uint64_t(1) << T) - 1;

  Matches out{p.iou_thresholds, {}};
  for (int64_t id : categories_) out.classes.push_back({id, {}, {}});
  std::vector<size_t> order(groups_.size());  // by image id, which decides between equal scores
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](size_t i) { return groups_[i].image_id; });
  for (size_t i : order) {
    const Group& g = groups_[i];
    Matches::Class& c = out.classes[g.category];
    if (kept.objects[i * A] > 0) c.objects.emplace_back(g.image_id, kept.objects[i * A]);
    const size_t end = std::min(g.end, g.begin + size_t(p.max_detections.back()));
    for (size_t row = g.begin; row < end; ++row) {  // the first area's bits are the lowest
      const uint64_t ignored = kept.ignored[row * kept.words] & all;
      c.rows.push_back({g.image_id, scores_[row], kept.matched[row * kept.words] & all & ~ignored, ignored});
    }
  }
  const auto better = [](const Matches::Row& a, const Matches::Row& b) { return ranks_before(a.score, b.score); };
  for (Matches::Class& c : out.classes) std::ranges::stable_sort(c.rows, better);
  return out;
}

}  // namespace sil
