#include "eval/matching.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "data/boundary.h"

namespace sil {
namespace {

// Boxes first: only masks whose boxes touch are compared.
std::vector<double> mask_overlaps(std::span<const Truth* const> truths, std::span<const Found* const> found) {
  std::vector<double> out(found.size() * truths.size(), 0.0);
  std::vector<std::array<double, 4>> boxes;
  for (const Truth* t : truths) boxes.push_back(bounding_box(*t->mask));
  for (size_t d = 0; d < found.size(); ++d) {
    const auto box = bounding_box(*found[d]->mask);
    for (size_t g = 0; g < truths.size(); ++g)
      if (iou(box, boxes[g], truths[g]->crowd) > 0)
        out[d * truths.size() + g] = iou(*found[d]->mask, *truths[g]->mask, truths[g]->crowd);
  }
  return out;
}

// The boundaries of masks, found when they are asked for.
struct Boundaries {
  struct One {
    Rle mask;
    Extent extent;
  };
  std::vector<std::optional<One>> known;

  explicit Boundaries(size_t count) : known(count) {}

  const One& of(size_t i, const Rle& mask) {
    if (!known[i]) {
      Rle edge = boundary(mask);
      const Extent measured = extent(edge);
      known[i] = {std::move(edge), measured};
    }
    return *known[i];
  }
};

std::vector<double> boundary_overlaps(std::span<const Truth* const> truths, std::span<const Found* const> found) {
  std::vector<double> out = mask_overlaps(truths, found);
  Boundaries of_truths(truths.size()), of_found(found.size());
  for (size_t d = 0; d < found.size(); ++d)
    for (size_t g = 0; g < truths.size(); ++g) {
      double& overlap = out[d * truths.size() + g];
      if (!(overlap > 0) || truths[g]->crowd) continue;
      const auto &a = of_found.of(d, *found[d]->mask), &b = of_truths.of(g, *truths[g]->mask);
      overlap = std::min(overlap, iou(a.mask, a.extent, b.mask, b.extent, false));
    }
  return out;
}

std::vector<double> box_overlaps(std::span<const Truth* const> truths, std::span<const Found* const> found) {
  std::vector<double> out;
  out.reserve(found.size() * truths.size());
  for (const Found* d : found)
    for (const Truth* g : truths) out.push_back(iou(d->bbox, g->bbox, g->crowd));
  return out;
}

// Written so that an area of NaN is inside.
bool outside(double area, const AreaRange& range) { return area < range.low || area > range.high; }

// The objects of one area range: those that count first, then the ignored.
struct Objects {
  std::vector<size_t> order;  // into the image's objects
  size_t counted = 0;
};

Objects order_objects(std::span<const Truth* const> truths, std::span<const double> areas, const AreaRange& range) {
  Objects out;
  out.order.reserve(truths.size());
  const auto ignored = [&](size_t g) { return truths[g]->crowd || truths[g]->ignored || outside(areas[g], range); };
  for (size_t g = 0; g < truths.size(); ++g)
    if (!ignored(g)) out.order.push_back(g);
  out.counted = out.order.size();
  for (size_t g = 0; g < truths.size(); ++g)
    if (ignored(g)) out.order.push_back(g);
  return out;
}

constexpr size_t nothing = ~size_t(0);

// The place in `objects.order` of the object that one detection takes: the best IoU from `least` up, of equals the
// last, ignored objects only if no other was found.
size_t best_object(const Objects& objects, std::span<const Truth* const> truths, const double* ious,
                   const std::vector<uint8_t>& taken, double least) {
  size_t best = nothing;
  for (size_t j = 0; j < objects.order.size(); ++j) {
    const size_t g = objects.order[j];
    if (taken[g] && !truths[g]->crowd) continue;
    if (best < objects.counted && j >= objects.counted) break;
    if (ious[g] < least) continue;  // NaN is taken, as pycocotools does
    least = ious[g];
    best = j;
  }
  return best;
}

// The largest IoU of each detection; NaN counts as the largest.
std::vector<double> largest(std::span<const double> ious, size_t rows, size_t columns) {
  std::vector<double> out(rows, -HUGE_VAL);
  for (size_t d = 0; d < rows; ++d)
    for (double x : ious.subspan(d * columns, columns)) out[d] = std::isnan(x) ? HUGE_VAL : std::max(out[d], x);
  return out;
}

}  // namespace

std::vector<double> overlaps(IouType type, std::span<const Truth* const> truths, std::span<const Found* const> found) {
  switch (type) {
    case IouType::bbox:
      return box_overlaps(truths, found);
    case IouType::segm:
      return mask_overlaps(truths, found);
    case IouType::boundary:
      break;
  }
  return boundary_overlaps(truths, found);
}

void match(const Protocol& protocol, std::span<const double> ious, std::span<const Truth* const> truths,
           std::span<const double> truth_areas, std::span<const double> found_areas, Matched out) {
  const size_t T = protocol.iou_thresholds.size(), A = protocol.areas.size();
  const size_t D = found_areas.size(), G = truths.size();
  const std::vector<double> reach = largest(ious, D, G);
  std::vector<uint8_t> taken(G);

  for (size_t a = 0; a < A; ++a) {
    const AreaRange& range = protocol.areas[a];
    const Objects objects = order_objects(truths, truth_areas, range);
    out.objects[a] = int64_t(objects.counted);
    for (size_t t = 0; t < T; ++t) {
      const double least = std::min(protocol.iou_thresholds[t], 1 - 1e-10);
      const size_t word = (a * T + t) / 64;
      const uint64_t bit = uint64_t(1) << (a * T + t) % 64;
      std::fill(taken.begin(), taken.end(), 0);
      for (size_t d = 0; d < D; ++d) {
        const size_t j = reach[d] < least ? nothing : best_object(objects, truths, ious.data() + d * G, taken, least);
        const bool found = j != nothing && truths[objects.order[j]]->id != 0;
        const bool ignored = (j != nothing && j >= objects.counted) || (!found && outside(found_areas[d], range));
        if (j != nothing) taken[objects.order[j]] = 1;
        if (found) out.matched[d * out.words + word] |= bit;
        if (ignored) out.ignored[d * out.words + word] |= bit;
      }
    }
  }
}

}  // namespace sil
