#include "eval/tide.h"

#include <algorithm>
#include <array>

#include "tensor/threads.h"

namespace sil {
namespace {

// One photo while its errors are found.  Crowds are not among `objects`.
class Judge {
 public:
  Judge(const Pairs& pairs, TideThresholds thresholds) : pairs_(pairs), thresholds_(thresholds) {
    for (size_t g = 0; g < pairs.objects.size(); ++g) (pairs.objects[g].crowd ? crowds_ : objects_).push_back(g);
    finder_.assign(pairs.objects.size(), none);
    repairer_ = finder_;
  }

  TidePhoto run() {
    TidePhoto out;
    for (size_t d = 0; d < pairs_.detections.size(); ++d)
      out.rows.push_back({pairs_.detections[d].category_id, pairs_.detections[d].score, true, {}});
    std::vector<uint8_t> right(out.rows.size());
    for (size_t d = 0; d < out.rows.size(); ++d) right[d] = find(d);
    for (size_t d = 0; d < out.rows.size(); ++d) {
      if (right[d]) continue;
      out.rows[d].counts = !in_crowd(d);
      judge(d, out.rows[d]);
    }
    for (size_t g : objects_) {
      TidePhoto::Objects& of_class = out.objects[pairs_.objects[g].category_id];
      ++of_class.count;
      of_class.unfound += finder_[g] == none;
      of_class.missed += finder_[g] == none && repairer_[g] == none;
    }
    return out;
  }

 private:
  static constexpr size_t none = ~size_t(0);

  bool same_class(size_t d, size_t g) const {
    return pairs_.detections[d].category_id == pairs_.objects[g].category_id;
  }

  // The object of the largest IoU among those that `eligible` admits, the first of equals; the others have IoU 0.
  template <class Eligible>
  std::pair<size_t, double> best(size_t d, Eligible eligible) const {
    std::pair<size_t, double> out{none, 0};
    for (size_t g : objects_) {
      const double iou = eligible(g) ? pairs_.iou(d, g) : 0;
      if (out.first == none || iou > out.second) out = {g, iou};
    }
    return out;
  }

  bool find(size_t d) {
    const auto [g, iou] = best(d, [&](size_t o) { return finder_[o] == none && same_class(d, o); });
    if (g == none || iou < thresholds_.foreground) return false;
    finder_[g] = d;
    return true;
  }

  bool in_crowd(size_t d) const {
    return std::ranges::any_of(crowds_, [&](size_t g) {
      const bool any_class = pairs_.objects[g].category_id == -1;
      return (any_class || same_class(d, g)) && pairs_.iou(d, g) > thresholds_.foreground;
    });
  }

  // An object that nothing found can be repaired once, by the best of those that come near: the first, as they are
  // ranked.
  void repair(size_t d, size_t g, TideError error, TidePhoto::Row& row) {
    row.error = error;
    if (finder_[g] != none) return;
    if (repairer_[g] == none) {
      repairer_[g] = d;
      row.repaired_class = pairs_.objects[g].category_id;
    }
  }

  void judge(size_t d, TidePhoto::Row& row) {
    const auto [like, like_iou] = best(d, [&](size_t g) { return same_class(d, g); });
    const auto [unlike, unlike_iou] = best(d, [&](size_t g) { return !same_class(d, g); });
    const auto [found, found_iou] = best(d, [&](size_t g) { return same_class(d, g) && finder_[g] != none; });
    const auto [any, any_iou] = best(d, [](size_t) { return true; });
    if (objects_.empty())
      row.error = TideError::bkg;
    else if (thresholds_.background <= like_iou && like_iou <= thresholds_.foreground)
      repair(d, like, TideError::loc, row);
    else if (unlike_iou >= thresholds_.foreground)
      repair(d, unlike, TideError::cls, row);
    else if (found_iou >= thresholds_.foreground)
      row.error = TideError::dupe;
    else if (any_iou <= thresholds_.background)
      row.error = TideError::bkg;
    else
      row.error = TideError::both;
  }

  const Pairs& pairs_;
  TideThresholds thresholds_;
  std::vector<size_t> objects_, crowds_;
  std::vector<size_t> finder_, repairer_;  // by object: the detection that found it, or that a repair would give it
};

struct Point {
  double score;
  bool right;
};

// A class as tidecv sees it: detections in the order in which they came, objects that count.
struct ClassPoints {
  std::vector<Point> points;
  int64_t objects = 0;
};
using Points = std::map<int64_t, ClassPoints>;

// Percent: the best precision from each of 101 recalls on, averaged.
double average_precision(ClassPoints& c) {
  if (c.objects == 0) return 0;
  std::ranges::stable_sort(c.points, [](const Point& a, const Point& b) { return a.score > b.score; });
  std::vector<double> precision, recall;
  int64_t right = 0;
  for (const Point& p : c.points) {
    right += p.right;
    precision.push_back(double(right) / double(precision.size() + 1));
    recall.push_back(double(right) / double(c.objects));
  }
  for (size_t i = precision.size(); i-- > 1;) precision[i - 1] = std::max(precision[i - 1], precision[i]);
  double sum = 0;
  for (int r = 0; r <= 100; ++r) {
    const auto at = std::ranges::lower_bound(recall, double(r) / 100);
    if (at != recall.end()) sum += precision[size_t(at - recall.begin())];
  }
  return sum / 101 * 100;
}

double mean_ap(Points classes) {
  double sum = 0;
  int64_t n = 0;
  for (auto& [id, c] : classes) {
    if (c.points.empty() && c.objects == 0) continue;
    sum += average_precision(c);
    ++n;
  }
  return n == 0 ? 0 : sum / double(n);
}

enum class Repair { none, error, false_positives, false_negatives };

// Wrong detections first, then the right ones, as tidecv rebuilds its lists; without a repair that decides only between
// equal scores.
double repaired_ap(std::span<const TidePhoto> photos, Repair repair, TideError error = TideError::cls) {
  Points classes;
  for (const bool errors : {true, false})
    for (const TidePhoto& photo : photos)
      for (const TidePhoto::Row& row : photo.rows) {
        if (row.error.has_value() != errors) continue;
        if (repair == Repair::error && row.error == error) {
          if (row.repaired_class) classes[*row.repaired_class].points.push_back({row.score, true});
        } else if (row.counts) {
          const bool ranked_last = repair == Repair::false_positives;
          classes[row.category_id].points.push_back({ranked_last ? double(!errors) : row.score, !errors});
        }
      }
  for (const TidePhoto& photo : photos)
    for (const auto& [id, objects] : photo.objects) {
      classes[id].objects += objects.count;
      if (repair == Repair::error && error == TideError::miss) classes[id].objects -= objects.missed;
      if (repair == Repair::false_negatives) classes[id].objects -= objects.unfound;
    }
  return mean_ap(std::move(classes));
}

}  // namespace

TidePhoto tide_photo(const Pairs& pairs, TideThresholds thresholds) { return Judge(pairs, thresholds).run(); }

Tide tide(std::span<const TidePhoto> photos) {
  constexpr std::array others{Repair::none, Repair::false_positives, Repair::false_negatives};
  Tide out;
  std::array<double, out.dAP.size()> by_error{};
  std::array<double, others.size()> by_other{};
  parallel_tasks(int64_t(by_error.size() + others.size()), [&](int64_t i) {
    if (const size_t e = size_t(i); e < by_error.size())
      by_error[e] = repaired_ap(photos, Repair::error, TideError(e));
    else
      by_other[e - by_error.size()] = repaired_ap(photos, others[e - by_error.size()]);
  });
  out.AP = by_other[0];
  out.false_positives = by_other[1] - out.AP;
  out.false_negatives = by_other[2] - out.AP;
  for (size_t e = 0; e < by_error.size(); ++e) out.dAP[e] = std::max(by_error[e] - out.AP, 0.0);
  for (const TidePhoto& photo : photos) {
    for (const TidePhoto::Row& row : photo.rows)
      if (row.error) ++out.errors[size_t(*row.error)];
    for (const auto& [id, objects] : photo.objects) out.errors[size_t(TideError::miss)] += objects.missed;
  }
  return out;
}

}  // namespace sil
