#include "eval/pairs.h"

#include <algorithm>

#include "eval/rank.h"
#include "tensor/check.h"

namespace sil {
namespace {

// As pycocotools has it an odd last coordinate is dropped; nothing is the box.
Rle runs_of(const Segmentation& s, const std::array<double, 4>& box, const Photo& photo) {
  if (const Rle* mask = std::get_if<Rle>(&s)) return *mask;
  const auto* parts = std::get_if<std::vector<Polygon>>(&s);
  if (!parts || parts->empty()) return rectangle(box, photo.height, photo.width);
  std::vector<Polygon> even = *parts;
  for (Polygon& p : even) p.resize(p.size() / 2 * 2);
  return rasterise(even, photo.height, photo.width);
}

// Those of categories that are not evaluated were not looked at before and may be broken.
template <class Record>
Rle mask_of(const Record& x, const Photo& photo, const char* what) {
  try {
    return runs_of(x.segmentation, x.bbox, photo);
  } catch (const Error& e) {
    fail("{} of category {} in image {}: {}", what, x.category_id, photo.id, e.what());
  }
}

struct Mask {
  Rle runs;
  Extent extent;
  explicit Mask(Rle r) : runs(std::move(r)), extent(sil::extent(runs)) {}
};

}  // namespace

std::array<double, 4> box_of(const Detection& d) {
  const Rle* mask = std::get_if<Rle>(&d.segmentation);
  return d.has_bbox || !mask ? d.bbox : bounding_box(*mask);
}

Pairs best_of(Pairs pairs, size_t most) {
  pairs.detections.resize(std::min(pairs.detections.size(), most));
  pairs.ious.resize(pairs.detections.size() * pairs.objects.size());
  return pairs;
}

Pairs pairs_of(IouType type, const Annotations& a, size_t photo_row, std::span<const Detection* const> detections,
               size_t most) {
  std::vector<const Detection*> best(detections.begin(), detections.end());
  std::ranges::stable_sort(best,
                           [](const Detection* x, const Detection* y) { return ranks_before(x->score, y->score); });
  best.resize(std::min(best.size(), most));
  std::vector<const Annotation*> objects;
  for (size_t i : a.by_photo[photo_row]) objects.push_back(&a.annotations[i]);

  Pairs out;
  for (const Annotation* x : objects) out.objects.push_back({x->category_id, x->crowd});
  for (const Detection* d : best) out.detections.push_back({d->category_id, d->score});
  out.ious.reserve(objects.size() * best.size());
  if (type == IouType::bbox) {
    for (const Detection* d : best)
      for (const Annotation* x : objects) out.ious.push_back(iou(box_of(*d), x->bbox, x->crowd));
    return out;
  }
  std::vector<Mask> masks;
  for (const Annotation* x : objects) masks.emplace_back(mask_of(*x, a.photos[photo_row], "an annotation"));
  for (const Detection* d : best) {
    const Mask found(mask_of(*d, a.photos[photo_row], "a detection"));
    for (size_t g = 0; g < objects.size(); ++g)
      out.ious.push_back(iou(found.runs, found.extent, masks[g].runs, masks[g].extent, objects[g]->crowd));
  }
  return out;
}

}  // namespace sil
