#include "eval/pairs.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "eval/matching.h"
#include "tensor/check.h"

namespace sil {
namespace {

// The pixels of a segmentation; as pycocotools has it an odd last coordinate is dropped, and nothing is the box.
class Masks {
 public:
  explicit Masks(const Photo& photo) : photo_(photo) {}

  const Rle* of(const Segmentation& s, const std::array<double, 4>& box) {
    if (const Rle* mask = std::get_if<Rle>(&s)) return mask;
    const auto* parts = std::get_if<std::vector<Polygon>>(&s);
    if (!parts || parts->empty()) return &made_.emplace_back(rectangle(box, photo_.height, photo_.width));
    std::vector<Polygon> even = *parts;
    for (Polygon& p : even) p.resize(p.size() / 2 * 2);
    return &made_.emplace_back(rasterise(even, photo_.height, photo_.width));
  }

 private:
  const Photo& photo_;
  std::deque<Rle> made_;
};

bool ranks_before(const Detection* a, const Detection* b) {
  return a->score > b->score || (std::isnan(b->score) && !std::isnan(a->score));
}

template <class T>
std::vector<const T*> pointers(const std::vector<T>& items) {
  std::vector<const T*> out;
  for (const T& x : items) out.push_back(&x);
  return out;
}

}  // namespace

std::array<double, 4> box_of(const Detection& d) {
  const Rle* mask = std::get_if<Rle>(&d.segmentation);
  return d.has_bbox || !mask ? d.bbox : bounding_box(*mask);
}

Pairs pairs_of(IouType type, const Annotations& a, size_t photo_row, std::span<const Detection* const> detections,
               size_t most) {
  Masks masks(a.photos[photo_row]);
  const bool with_masks = type != IouType::bbox;
  std::vector<Truth> truths;
  for (size_t i : a.by_photo[photo_row]) {
    const Annotation& x = a.annotations[i];
    const Rle* mask = with_masks ? masks.of(x.segmentation, x.bbox) : nullptr;
    truths.push_back({x.id, x.category_id, x.bbox, x.area, x.area, x.crowd, mask});
  }
  std::vector<const Detection*> best(detections.begin(), detections.end());
  std::ranges::stable_sort(best, ranks_before);
  best.resize(std::min(best.size(), most));
  std::vector<Found> found;
  for (const Detection* d : best) {
    const std::array<double, 4> box = box_of(*d);
    found.push_back({d->category_id, d->score, box, with_masks ? masks.of(d->segmentation, box) : nullptr});
  }

  Pairs out;
  for (const Truth& t : truths) out.objects.push_back({t.category_id, t.crowd});
  for (const Found& d : found) out.detections.push_back({d.category_id, d.score});
  out.ious = overlaps(type, pointers(truths), pointers(found));
  return out;
}

}  // namespace sil
