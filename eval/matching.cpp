#include "eval/matching.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "data/boundary.h"

namespace sil {
namespace {

// Masks are measured once; only those whose boxes touch are compared.
void mask_overlaps(std::span<const Truth* const> truths, std::span<const Found* const> found,
                   std::vector<double>& out) {
  static thread_local std::vector<Extent> extents;
  out.clear();
  if (truths.empty()) return;
  extents.clear();
  for (const Truth* t : truths) extents.push_back(extent(t->mask));
  for (const Found* d : found) {
    const Extent own = extent(d->mask);
    for (size_t g = 0; g < truths.size(); ++g)
      out.push_back(iou(d->mask, own, truths[g]->mask, extents[g], truths[g]->crowd));
  }
}

// The boundaries of masks, found when they are asked for.
struct Boundaries {
  struct One {
    Rle mask;
    Extent extent;
  };
  std::vector<std::optional<One>> known;

  explicit Boundaries(size_t count) : known(count) {}

  const One& of(size_t i, RleView mask) {
    if (!known[i]) {
      Rle edge = boundary(mask);
      const Extent measured = extent(edge);
      known[i] = {std::move(edge), measured};
    }
    return *known[i];
  }
};

void boundary_overlaps(std::span<const Truth* const> truths, std::span<const Found* const> found,
                       std::vector<double>& out) {
  mask_overlaps(truths, found, out);
  Boundaries of_truths(truths.size()), of_found(found.size());
  for (size_t d = 0; d < found.size(); ++d)
    for (size_t g = 0; g < truths.size(); ++g) {
      double& overlap = out[d * truths.size() + g];
      if (!(overlap > 0) || truths[g]->crowd) continue;
      const auto &a = of_found.of(d, found[d]->mask), &b = of_truths.of(g, truths[g]->mask);
      overlap = std::min(overlap, iou(a.mask, a.extent, b.mask, b.extent, false));
    }
}

void box_overlaps(std::span<const Truth* const> truths, std::span<const Found* const> found, std::vector<double>& out) {
  out.clear();
  for (const Found* d : found)
    for (const Truth* g : truths) out.push_back(iou(d->bbox, g->bbox, g->crowd));
}

// Written so that an area of NaN is inside.
bool outside(double area, const AreaRange& range) { return area < range.low || area > range.high; }

constexpr size_t nothing = ~size_t(0);

// The bits [first, first + count) of `words`.
void set_bits(uint64_t* words, size_t first, size_t count) {
  while (count > 0) {
    const size_t at = first % 64, n = std::min(count, 64 - at);
    words[first / 64] |= ~uint64_t(0) >> (64 - n) << at;
    first += n;
    count -= n;
  }
}

}  // namespace

void overlaps(IouType type, std::span<const Truth* const> truths, std::span<const Found* const> found,
              std::vector<double>& out) {
  switch (type) {
    case IouType::bbox:
      return box_overlaps(truths, found, out);
    case IouType::segm:
      return mask_overlaps(truths, found, out);
    case IouType::boundary:
      return boundary_overlaps(truths, found, out);
  }
}

Matcher::Matcher(const Protocol& protocol) : areas_(protocol.areas), lowest_(HUGE_VAL) {
  for (const double threshold : protocol.iou_thresholds) {
    least_.push_back(std::min(threshold, 1 - 1e-10));
    lowest_ = std::isnan(threshold) ? -HUGE_VAL : std::min(lowest_, least_.back());
  }
}

void Matcher::order_objects(std::span<const Truth* const> truths, std::span<const double> areas,
                            const AreaRange& range) {
  const auto ignored = [&](size_t g) { return truths[g]->crowd || truths[g]->ignored || outside(areas[g], range); };
  objects_.order.clear();
  for (size_t g = 0; g < truths.size(); ++g)
    if (!ignored(g)) objects_.order.push_back(g);
  objects_.counted = objects_.order.size();
  for (size_t g = 0; objects_.order.size() < truths.size(); ++g)
    if (ignored(g)) objects_.order.push_back(g);
}

void Matcher::operator()(std::span<const double> ious, std::span<const Truth* const> truths,
                         std::span<const double> truth_areas, std::span<const double> found_areas, Matched out) {
  const size_t T = least_.size(), G = truths.size(), D = found_areas.size();
  near_.clear();
  reach_.clear();
  for (size_t d = 0; d < D && G > 0; ++d) {
    double reach = -HUGE_VAL;  // NaN counts as the largest
    for (const double x : ious.subspan(d * G, G)) reach = std::isnan(x) ? HUGE_VAL : std::max(reach, x);
    if (reach < lowest_) continue;
    near_.push_back(d);
    reach_.push_back(reach);
  }
  for (size_t a = 0; a < areas_.size(); ++a) {
    // Who takes nothing is ignored outside the range; match() corrects the others.
    for (size_t d = 0; d < D; ++d)
      if (outside(found_areas[d], areas_[a])) set_bits(out.ignored + d * out.words, a * T, T);
    order_objects(truths, truth_areas, areas_[a]);
    out.objects[a] = int64_t(objects_.counted);
    for (size_t t = 0; t < T && !near_.empty(); ++t) match(a, t, ious, truths, out);
  }
}

// Each detection takes the object of the best IoU from the threshold up, of equals the last, ignored objects only if no
// other was found; what is taken is gone, crowds apart.
void Matcher::match(size_t area, size_t threshold, std::span<const double> ious, std::span<const Truth* const> truths,
                    Matched& out) {
  const size_t G = truths.size(), place = area * least_.size() + threshold, word = place / 64;
  const uint64_t bit = uint64_t(1) << place % 64;
  taken_.assign(G, 0);
  for (size_t i = 0; i < near_.size(); ++i) {
    double least = least_[threshold];
    if (reach_[i] < least) continue;
    const size_t d = near_[i];
    size_t best = nothing;
    for (size_t j = 0; j < G; ++j) {
      const size_t g = objects_.order[j];
      if (taken_[g] && !truths[g]->crowd) continue;
      if (best < objects_.counted && j >= objects_.counted) break;
      if (ious[d * G + g] < least) continue;  // NaN is taken, as pycocotools does
      least = ious[d * G + g];
      best = j;
    }
    if (best == nothing) continue;
    const Truth& taken = *truths[objects_.order[best]];
    taken_[objects_.order[best]] = 1;
    uint64_t &matched = out.matched[d * out.words + word], &ignored = out.ignored[d * out.words + word];
    if (taken.id != 0) {
      matched |= bit;
      ignored &= ~bit;
    }
    if (best >= objects_.counted) ignored |= bit;
  }
}

}  // namespace sil
