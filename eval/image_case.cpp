#include "eval/image_case.h"

#include <algorithm>
#include <cmath>

#include "tensor/check.h"

namespace sil {
namespace {

// pycocotools counts fifths of a pixel in 32 bits; further out it reads memory that is not its own or does not end.
Rle rasterise_near(std::span<const Polygon> parts, int64_t height, int64_t width) {
  constexpr double farthest = 4e8;
  for (const Polygon& part : parts)
    for (size_t i = 0; i < part.size(); ++i)
      check(!(std::abs(part[i]) > farthest), "polygon: corner {} has a coordinate of {}; up to {} expected", i / 2,
            part[i], farthest);
  return rasterise(parts, height, width);
}

// Polygons as pycocotools takes them: an odd last number is dropped.
Rle pixels(const std::vector<Polygon>& parts, const Photo* photo_or_none) {
  check(photo_or_none, "its image is not in the list of images");
  const Photo& photo = *photo_or_none;
  check(!parts.empty(), "segmentation is empty");
  check(parts[0].size() > 4, "its first polygon has {} numbers; 6 or more expected", parts[0].size());
  check(photo.height > 0 && photo.width > 0, "image {} has no height and width", photo.id);
  if (std::ranges::all_of(parts, [](const Polygon& p) { return p.size() % 2 == 0; }))
    return rasterise_near(parts, photo.height, photo.width);
  std::vector<Polygon> even = parts;
  for (Polygon& p : even) p.resize(p.size() / 2 * 2);
  return rasterise_near(even, photo.height, photo.width);
}

[[noreturn]] void fail_of(const DetectionView& x, const Place& place, const char* what) {
  fail("{}detection of category {} with score {} in image {}: {}", place(x), x.category_id, x.score, x.image_id, what);
}

}  // namespace

void check_form(const DetectionView& x, AreaOf source, const Place& place) {
  if (source == AreaOf::box && !x.has_bbox) fail_of(x, place, "no bbox, but the first result has one");
  const bool runs = std::holds_alternative<RleText>(x.mask) || std::holds_alternative<const Rle*>(x.mask);
  if (source == AreaOf::mask && !runs) fail_of(x, place, "neither the first result has a bbox nor this one an RLE");
}

void ImageCase::start(const Photo* photo) {
  photo_ = photo;
  truths.clear();
  found.clear();
  owned_.clear();
  runs_.clear();
  decoded_.clear();
  categories_.clear();
}

void ImageCase::add_truth(const Annotation& x, bool measured) {
  try {
    const bool no_segmentation = std::holds_alternative<std::monostate>(x.segmentation);
    check(!options_.bbox || x.has_bbox || !measured, "bbox evaluation needs a bbox");
    check(!options_.masks() || !no_segmentation, "{} evaluation needs a segmentation",
          options_.segm ? "segm" : "boundary");
    check(!options_.masks() || photo_, "its image is not in the list of images");
    const RleView mask = options_.masks() ? runs_of(view(x.segmentation)) : RleView();
    const double own_area = options_.masks() ? double(area(mask)) : x.has_area ? x.bbox[2] * x.bbox[3] : area_of(x);
    truths.push_back({x.id, x.category_id, x.bbox, x.has_area ? x.area : own_area, own_area, x.crowd, mask, x.ignored});
    if (std::ranges::find(categories_, x.category_id) == categories_.end()) categories_.push_back(x.category_id);
  } catch (const Error& e) {
    fail("{}: annotation {}: {}", a_.source, x.id, e.what());
  }
}

// The mask's; where no mask can be made the box's.
double ImageCase::area_of(const Annotation& x) {
  if (!std::holds_alternative<std::monostate>(x.segmentation)) {
    try {
      return double(area(runs_of(view(x.segmentation))));
    } catch (const Error&) {  // boxes alone are measured
    }
  }
  return x.bbox[2] * x.bbox[3];
}

void ImageCase::add_found(const DetectionView& x, AreaOf source, bool loaded) {
  check_form(x, source, place_);
  try {
    Found d{x.category_id, x.score, x.bbox, {}};
    // Where areas come from boxes, pycocotools rasterises polygons and boxes anyway and may raise; runs it looks at
    // only beside objects.
    const bool runs = std::holds_alternative<RleText>(x.mask);
    if (source == AreaOf::mask || (options_.masks() && loaded && (!runs || is_compared(x, source))))
      d.mask = mask_or_box(x);
    if (!x.has_bbox) d.bbox = bounding_box(d.mask);
    found.push_back(d);
  } catch (const Error& e) {
    fail_of(x, place_, e.what());
  }
}

// Someone asks for its pixels: there is an object of its category, or its area is its mask's.
bool ImageCase::is_compared(const DetectionView& x, AreaOf source) const {
  return options_.class_agnostic || source == AreaOf::mask || options_.protocol.area_of == AreaOf::mask ||
         (options_.torchmetrics && options_.segm) || std::ranges::find(categories_, x.category_id) != categories_.end();
}

// The buffer of runs does not move any more.
void ImageCase::finish() {
  for (const auto& [i, begin, end] : decoded_) found[i].mask.counts = std::span(runs_).subspan(begin, end - begin);
}

RleView ImageCase::runs_of(const MaskView& mask) {
  if (const auto* runs = std::get_if<const Rle*>(&mask)) return **runs;
  return own(pixels(*std::get<const std::vector<Polygon>*>(mask), photo_));
}

RleView ImageCase::mask_or_box(const DetectionView& x) {
  if (const auto* text = std::get_if<RleText>(&x.mask)) {
    const size_t begin = runs_.size();
    append_runs(*text, runs_);
    decoded_.push_back({found.size(), begin, runs_.size()});
    return {text->height, text->width, std::span(runs_).subspan(begin)};
  }
  if (!std::holds_alternative<std::monostate>(x.mask)) return runs_of(x.mask);
  check(photo_->height > 0 && photo_->width > 0, "image {} has no height and width", photo_->id);
  const auto [left, top, w, h] = x.bbox;
  const Polygon corners{left, top, left, top + h, left + w, top + h, left + w, top};
  return own(rasterise_near({&corners, 1}, photo_->height, photo_->width));
}

}  // namespace sil
