#include "eval/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "tensor/check.h"
#include "tensor/rng.h"
#include "tensor/threads.h"

namespace sil {
namespace {

std::vector<uint16_t> draw(RngKey key, size_t images) {
  std::vector<uint16_t> weights(images);
  for (size_t i = 0; i < images; ++i) ++weights[size_t(key.below(i, int64_t(images)))];
  return weights;
}

// numpy.percentile's linear interpolation.
double percentile(const std::vector<double>& sorted, double share) {
  const double at = share * double(sorted.size() - 1);
  const size_t below = size_t(at), above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - double(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

WeightedAp::WeightedAp(const Matches& matches, std::span<const int64_t> image_ids, std::vector<double> recalls)
    : images_(image_ids.size()), thresholds_(matches.iou_thresholds.size()), recalls_(std::move(recalls)) {
  std::unordered_map<int64_t, uint32_t> index;
  for (size_t i = 0; i < image_ids.size(); ++i)
    check(index.emplace(image_ids[i], uint32_t(i)).second, "bootstrap: image {} is given twice", image_ids[i]);
  std::ranges::sort(recalls_);
  for (const Matches::Class& from : matches.classes) {
    if (from.objects.empty()) continue;
    Class c{{}, std::vector<std::vector<Hit>>(thresholds_), std::vector<std::vector<Hit>>(thresholds_), {}};
    for (const Matches::Row& row : from.rows) {
      const Hit hit{uint32_t(c.images.size()), index.at(row.image_id)};
      c.images.push_back(hit.image);
      for (size_t t = 0; t < thresholds_; ++t) {
        if (row.right >> t & 1) c.right[t].push_back(hit);
        if (row.ignored >> t & 1) c.ignored[t].push_back(hit);
      }
    }
    for (const auto& [image_id, count] : from.objects) c.objects.emplace_back(index.at(image_id), uint32_t(count));
    classes_.push_back(std::move(c));
  }
}

// The precision at all recall thresholds, summed.  From the worst right detection to the best: the envelope is the
// best precision so far, and a detection's weight is so many steps of recall.  `seen`: detections up to each row.
double WeightedAp::sum_of(const Class& c, size_t t, double objects, std::span<const uint32_t> seen,
                          std::span<const uint16_t> weights) const {
  int64_t right = 0, ignored = 0;
  for (const Hit& hit : c.right[t]) right += weights[hit.image];
  for (const Hit& hit : c.ignored[t]) ignored += weights[hit.image];
  double best = 0, sum = 0;
  size_t r = recalls_.size(), next_ignored = c.ignored[t].size();
  while (r > 0 && recalls_[r - 1] > double(right) / objects) --r;
  for (size_t i = c.right[t].size(); i-- > 0;) {
    const Hit hit = c.right[t][i];
    const int64_t weight = weights[hit.image];
    if (weight == 0) continue;
    for (; next_ignored > 0 && c.ignored[t][next_ignored - 1].row > hit.row; --next_ignored)
      ignored -= weights[c.ignored[t][next_ignored - 1].image];
    best = std::max(best, double(right) / (double(seen[hit.row] - ignored) + std::numeric_limits<double>::epsilon()));
    right -= weight;
    for (; r > 0 && recalls_[r - 1] > double(right) / objects; --r) sum += best;
  }
  return sum + double(r) * best;  // a recall of 0 is reached before the first right detection
}

std::optional<double> WeightedAp::precision_of(const Class& c, std::span<const uint16_t> weights) const {
  int64_t objects = 0;
  for (const auto& [image, count] : c.objects) objects += int64_t(weights[image]) * count;
  if (objects == 0) return {};
  std::vector<uint32_t> seen(c.images.size());
  uint32_t before = 0;
  for (size_t i = 0; i < seen.size(); ++i) seen[i] = before += weights[c.images[i]];
  double sum = 0;
  for (size_t t = 0; t < thresholds_; ++t) sum += sum_of(c, t, double(objects), seen, weights);
  return sum;
}

double WeightedAp::operator()(std::span<const uint16_t> weights) const {
  check(weights.size() == images_, "bootstrap: {} weights; {} expected, one an image", weights.size(), images_);
  double sum = 0;
  int64_t measured = 0;
  for (const Class& c : classes_)
    if (const std::optional<double> precision = precision_of(c, weights)) {
      sum += *precision;
      ++measured;
    }
  return measured == 0 ? -1 : sum / double(measured * int64_t(thresholds_ * recalls_.size()));
}

std::vector<std::vector<double>> bootstrap(std::span<const WeightedAp> contenders, int samples, uint64_t seed) {
  check(samples > 0 && !contenders.empty(), "bootstrap: at least one sample and one contender expected");
  const size_t images = contenders[0].images();
  std::vector<std::vector<double>> out(contenders.size(), std::vector<double>(size_t(samples)));
  const RngKey key = RngKey{seed}.fold("bootstrap");
  parallel_for(samples, 1, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) {
      const std::vector<uint16_t> weights = draw(key.fold(uint64_t(s)), images);
      for (size_t i = 0; i < contenders.size(); ++i) out[i][size_t(s)] = contenders[i](weights);
    }
  });
  return out;
}

Difference difference(std::span<const double> first, std::span<const double> second) {
  check(first.size() == second.size() && !first.empty(), "difference: {} samples beside {}", first.size(),
        second.size());
  std::vector<double> all;
  int64_t above = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    all.push_back(second[i] - first[i]);
    above += second[i] > first[i];
  }
  std::ranges::sort(all);
  return {percentile(all, .025), percentile(all, .975), double(above) / double(all.size())};
}

}  // namespace sil
