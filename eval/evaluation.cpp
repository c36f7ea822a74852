#include "eval/evaluation.h"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <unordered_map>

#include "eval/causes.h"
#include "tensor/check.h"
#include "tensor/threads.h"

namespace sil {
namespace {

using Rows = std::vector<std::vector<size_t>>;

std::vector<int64_t> category_ids(const Annotations& a) {
  std::vector<int64_t> out;
  for (const Category& c : a.categories) out.push_back(c.id);
  return out;
}

// COCO's protocol; then torchmetrics' and, for its numbers of a class, the one it has there: with both IoU types the
// area of a detection is its mask's, for boxes too.  Under segm alone it leaves out images without objects.
std::vector<Protocol> protocols(IouType type, EvaluationOptions options) {
  if (!options.torchmetrics || type == IouType::boundary) return {Protocol::coco()};
  Protocol whole = Protocol::torchmetrics(type), of_a_class = whole;
  whole.skip_empty_images = of_a_class.skip_empty_images = !options.bbox;
  if (options.segm) of_a_class.area_of = AreaOf::mask;
  of_a_class.areas.resize(1);
  return {Protocol::coco(), whole, of_a_class};
}

std::optional<Evaluator> evaluator(IouType type, bool wanted, const Annotations& a, EvaluationOptions options) {
  if (!wanted) return {};
  return Evaluator(type, category_ids(a), protocols(type, options));
}

// A count, and the first case for the message.
struct Counted {
  int64_t count = 0, first = 0;
  void operator()(int64_t id) {
    if (count++ == 0) first = id;
  }
};

void warn(std::vector<std::string>& warnings, const Counted& c, const std::string& source, const char* what) {
  if (c.count > 0)
    warnings.push_back(fmt::format("{}: {} {}, the first is annotation {}", source, c.count, what, c.first));
}

// The annotations that count, by photo row.  As pycocotools: photos by id, of annotations with one id the last stands
// for all of them, in its own photo and category, once for each.
Rows truths_by_photo(const Annotations& a, std::vector<std::string>& warnings) {
  std::unordered_map<int64_t, size_t> last;
  Counted duplicate, no_photo, no_category, zero, no_area;
  for (size_t i = 0; i < a.annotations.size(); ++i) {
    const Annotation& x = a.annotations[i];
    if (!last.insert_or_assign(x.id, i).second) duplicate(x.id);
    if (!a.photo_row.contains(x.image_id))
      no_photo(x.id);
    else if (!a.category_row.contains(x.category_id))
      no_category(x.id);
    if (x.id == 0) zero(0);
    if (!x.has_area) no_area(x.id);
  }
  std::unordered_map<int64_t, std::vector<size_t>> by_image;
  for (size_t i = 0; i < a.annotations.size(); ++i) by_image[a.annotations[i].image_id].push_back(i);

  Rows out(a.photos.size());
  std::map<int64_t, size_t> photos(a.photo_row.begin(), a.photo_row.end());
  for (const auto& [id, row] : photos)
    for (size_t i : by_image[id]) {
      const Annotation& named = a.annotations[i];
      if (!a.category_row.contains(named.category_id)) continue;
      const size_t meant = last.at(named.id);
      if (const auto at = a.photo_row.find(a.annotations[meant].image_id); at != a.photo_row.end())
        out[at->second].push_back(meant);
    }
  warn(warnings, no_photo, a.source, "annotations of unknown images are ignored");
  warn(warnings, no_category, a.source, "annotations of unknown categories are ignored");
  warn(warnings, duplicate, a.source, "annotations repeat an id; the last with an id counts for all of them");
  warn(warnings, zero, a.source, "annotations have id 0; what finds them counts as wrong");
  warn(warnings, no_area, a.source, "annotations have no area; their mask's or box's is taken");
  return out;
}

// Polygons as pycocotools takes them: an odd last number is dropped.
Rle pixels(const std::vector<Polygon>& parts, const Photo& photo) {
  check(!parts.empty(), "segmentation is empty");
  check(parts[0].size() > 4, "its first polygon has {} numbers; 6 or more expected", parts[0].size());
  check(photo.height > 0 && photo.width > 0, "image {} has no height and width", photo.id);
  std::vector<Polygon> even = parts;
  for (Polygon& p : even) p.resize(p.size() / 2 * 2);
  return rasterise(even, photo.height, photo.width);
}

// The objects and detections of one photo in the evaluator's form.
class PhotoCase {
 public:
  PhotoCase(const Annotations& a, const Photo& photo, EvaluationOptions options)
      : a_(a), photo_(photo), options_(options) {}

  void add_truth(const Annotation& x) {
    try {
      const bool no_segmentation = std::holds_alternative<std::monostate>(x.segmentation);
      check(!options_.bbox || x.has_bbox, "bbox evaluation needs a bbox");
      check(!options_.masks() || !no_segmentation, "{} evaluation needs a segmentation",
            options_.segm ? "segm" : "boundary");
      const Rle* mask = options_.masks() || (!x.has_area && !no_segmentation) ? as_rle(x.segmentation) : nullptr;
      const double measured = mask ? double(area(*mask)) : x.bbox[2] * x.bbox[3];
      truths.push_back({x.id, x.category_id, x.bbox, x.has_area ? x.area : measured, measured, x.crowd, mask});
    } catch (const Error& e) {
      fail("{}: annotation {}: {}", a_.source, x.id, e.what());
    }
  }

  void add_found(const Detection& x, AreaOf source) {
    try {
      Found d{x.category_id, x.score, x.bbox, nullptr};
      if (source == AreaOf::box) {
        check(x.has_bbox, "no bbox, but the first result has one");
        if (options_.masks() && a_.category_row.contains(x.category_id)) d.mask = mask_or_box(x);
      } else {
        check(std::holds_alternative<Rle>(x.segmentation), "neither the first result has a bbox nor this one an RLE");
        d.mask = &std::get<Rle>(x.segmentation);
        if (!x.has_bbox) d.bbox = bounding_box(*d.mask);
      }
      found.push_back(d);
    } catch (const Error& e) {
      fail("detection of category {} with score {} in image {}: {}", x.category_id, x.score, x.image_id, e.what());
    }
  }

  std::vector<Truth> truths;
  std::vector<Found> found;

 private:
  const Rle* own(Rle mask) { return &owned_.emplace_back(std::move(mask)); }

  const Rle* as_rle(const Segmentation& s) {
    const Rle* mask = std::get_if<Rle>(&s);
    return mask ? mask : own(pixels(std::get<std::vector<Polygon>>(s), photo_));
  }

  const Rle* mask_or_box(const Detection& x) {
    if (!std::holds_alternative<std::monostate>(x.segmentation)) return as_rle(x.segmentation);
    check(photo_.height > 0 && photo_.width > 0, "image {} has no height and width", photo_.id);
    return own(rectangle(x.bbox, photo_.height, photo_.width));
  }

  const Annotations& a_;
  const Photo& photo_;
  EvaluationOptions options_;
  std::deque<Rle> owned_;
};

// `nothing`: torchmetrics has no images then, -1 for all and no classes.
void add_torchmetrics(Metrics& metrics, const Evaluator& e, const std::string& prefix, bool nothing) {
  const auto put = [&](const std::string& name, std::vector<double> values) {
    for (double& v : values) v = float(v);
    metrics.torchmetrics.emplace_back(prefix + name, std::move(values));
  };
  const Summary s = nothing ? Summary{} : summarise(e.accumulate(1), e.protocol(1));
  constexpr std::array names{"map",   "map_50", "map_75",  "map_small", "map_medium", "map_large",
                             "mar_1", "mar_10", "mar_100", "mar_small", "mar_medium", "mar_large"};
  for (size_t i = 0; i < names.size(); ++i) put(names[i], {s.values()[i]});
  if (nothing) return;

  std::vector<double> map, mar;
  const Accumulated x = e.accumulate(2);
  const std::vector<Evaluator::Count> counts = e.counts();
  for (size_t k = 0; k < counts.size(); ++k)
    if (counts[k].images > 0) {
      const Summary one = summarise(x, e.protocol(2), k);
      map.push_back(one.AP);
      mar.push_back(one.AR100);
    }
  put("map_per_class", map);
  put("mar_100_per_class", mar);
}

std::vector<double> classes(const Evaluator& e) {
  std::vector<double> out;
  const std::vector<Evaluator::Count> counts = e.counts();
  for (size_t k = 0; k < counts.size(); ++k)
    if (counts[k].images > 0) out.push_back(double(e.categories()[k]));
  return out;
}

}  // namespace

void check_photos(const Annotations& a, std::span<const Detection> detections, const std::string& source) {
  for (size_t i = 0; i < detections.size(); ++i)
    if (!a.photo_row.contains(detections[i].image_id))
      fail("{}: record {}: image_id {} is not in {}; {}", source, i, detections[i].image_id, a.source,
           unknown_images(a, detections));
}

Evaluation::Evaluation(const Annotations& annotations, EvaluationOptions options)
    : annotations_(&annotations),
      options_(options),
      bbox_(evaluator(IouType::bbox, options.bbox, annotations, options)),
      segm_(evaluator(IouType::segm, options.segm, annotations, options)),
      boundary_(evaluator(IouType::boundary, options.boundary, annotations, options)) {
  check(options.bbox || options.masks(), "evaluation: neither bbox nor segm nor boundary asked for");
  truths_ = std::make_shared<const Rows>(truths_by_photo(annotations, warnings_));
}

Evaluation Evaluation::empty() const {
  Evaluation out = *this;
  out.bbox_ = evaluator(IouType::bbox, options_.bbox, *annotations_, options_);
  out.segm_ = evaluator(IouType::segm, options_.segm, *annotations_, options_);
  out.boundary_ = evaluator(IouType::boundary, options_.boundary, *annotations_, options_);
  out.objects_ = out.detections_ = out.unknown_category_ = 0;
  if (area_of_) out.set_area_of(*area_of_);
  return out;
}

void Evaluation::set_area_of(AreaOf source) {
  area_of_ = source;
  for (std::optional<Evaluator>* e : all())
    if (*e) (*e)->area_of = source;
}

void Evaluation::add_photo(size_t row, std::span<const Detection* const> detections) {
  const Photo& photo = annotations_->photos[row];
  if (!detections.empty() && !area_of_) set_area_of(detections[0]->has_bbox ? AreaOf::box : AreaOf::mask);
  PhotoCase one(*annotations_, photo, options_);
  for (size_t i : (*truths_)[row]) one.add_truth(annotations_->annotations[i]);
  objects_ += int64_t(one.truths.size());
  for (const Detection* d : detections) {
    one.add_found(*d, *area_of_);
    ++(annotations_->category_row.contains(d->category_id) ? detections_ : unknown_category_);
  }
  for (std::optional<Evaluator>* e : all())
    if (*e) (*e)->add(photo.id, one.truths, one.found);
}

void Evaluation::add(int64_t image_id, std::span<const Detection> detections) {
  const auto row = annotations_->photo_row.find(image_id);
  check(row != annotations_->photo_row.end(), "evaluation: image {} is not in {}", image_id, annotations_->source);
  std::vector<const Detection*> list;
  for (const Detection& d : detections) {
    check(d.image_id == image_id, "evaluation: a detection of image {} was given with image {}", d.image_id, image_id);
    list.push_back(&d);
  }
  add_photo(row->second, list);
}

void Evaluation::add_all(std::span<const Detection> detections) {
  check_photos(*annotations_, detections, "detections");
  if (!detections.empty() && !area_of_) set_area_of(detections[0].has_bbox ? AreaOf::box : AreaOf::mask);
  std::vector<std::vector<const Detection*>> found(annotations_->photos.size());
  for (const Detection& d : detections) found[annotations_->photo_row.at(d.image_id)].push_back(&d);
  std::vector<size_t> rows;  // the photos to add
  for (const auto& [id, row] : annotations_->photo_row)
    if (!any().has(id))
      rows.push_back(row);
    else
      check(found[row].empty(), "evaluation: image {} was added before", id);
  std::ranges::sort(rows);

  std::map<int64_t, Evaluation> parts;  // by first row, so that merging does not depend on who was first
  std::mutex mutex;
  parallel_for(int64_t(rows.size()), 8, [&](int64_t begin, int64_t end) {
    Evaluation part = empty();
    for (int64_t i = begin; i < end; ++i) part.add_photo(rows[size_t(i)], found[rows[size_t(i)]]);
    const std::lock_guard lock(mutex);
    parts.emplace(begin, std::move(part));
  });
  for (const auto& [begin, part] : parts) merge(part);
}

void Evaluation::merge(const Evaluation& other) {
  check(options_.bbox == other.options_.bbox && options_.segm == other.options_.segm &&
            options_.boundary == other.options_.boundary,
        "evaluation: only parts of the same IoU types merge");
  if (bbox_) bbox_->merge(*other.bbox_);
  if (segm_) segm_->merge(*other.segm_);
  if (boundary_) boundary_->merge(*other.boundary_);
  if (!area_of_) area_of_ = other.area_of_;
  objects_ += other.objects_;
  detections_ += other.detections_;
  unknown_category_ += other.unknown_category_;
}

Metrics Evaluation::metrics() const {
  Metrics out;
  const std::vector<Evaluator::Count> counts = any().counts();
  for (size_t k = 0; k < counts.size(); ++k) {
    const int64_t id = any().categories()[k];
    out.per_class.push_back({id,
                             annotations_->categories[annotations_->category_row.at(id)].name,
                             counts[k].objects,
                             counts[k].detections,
                             {},
                             {},
                             {}});
  }
  const auto measure = [&](const std::optional<Evaluator>& e, auto all, auto one) {
    if (!e) return;
    const Accumulated x = e->accumulate();
    out.*all = summarise(x, e->protocol());
    for (size_t k = 0; k < counts.size(); ++k) out.per_class[k].*one = summarise(x, e->protocol(), k);
    if (options_.torchmetrics && e->iou_type() != IouType::boundary)
      add_torchmetrics(out, *e, bbox_ && segm_ ? (e->iou_type() == IouType::bbox ? "bbox_" : "segm_") : "",
                       bbox_ ? truths_->empty() : objects_ == 0 || detections_ == 0);
  };
  measure(bbox_, &Metrics::bbox, &ClassMetrics::bbox);
  measure(segm_, &Metrics::segm, &ClassMetrics::segm);
  measure(boundary_, &Metrics::boundary, &ClassMetrics::boundary);
  if (options_.torchmetrics && (bbox_ || segm_)) out.torchmetrics.emplace_back("classes", classes(any()));
  return out;
}

std::vector<std::string> Evaluation::warnings() const {
  std::vector<std::string> out = warnings_;
  if (unknown_category_ > 0)
    out.push_back(fmt::format("{} detections of categories that {} does not have are ignored", unknown_category_,
                              annotations_->source));
  return out;
}

}  // namespace sil
