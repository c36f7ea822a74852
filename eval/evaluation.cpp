#include "eval/evaluation.h"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "eval/causes.h"
#include "tensor/check.h"
#include "tensor/threads.h"

namespace sil {
namespace {

// As pycocotools' params.catIds: sorted, unless the caller has named them.
std::vector<int64_t> category_ids(const Annotations& a, const EvaluationOptions& options) {
  if (options.categories) return *options.categories;
  std::vector<int64_t> out;
  for (const Category& c : a.categories) out.push_back(c.id);
  std::ranges::sort(out);
  return out;
}

// The given protocol; then torchmetrics' and, for its numbers of a class, the one it has there: with both IoU types the
// area of a detection is its mask's, for boxes too.  Under segm alone it leaves out images without objects.
std::vector<Protocol> protocols(IouType type, const EvaluationOptions& options) {
  if (!options.torchmetrics || type == IouType::boundary) return {options.protocol};
  Protocol whole = Protocol::torchmetrics(type), of_a_class = whole;
  whole.skip_empty_images = of_a_class.skip_empty_images = !options.bbox;
  if (options.segm) of_a_class.area_of = AreaOf::mask;
  of_a_class.areas.resize(1);
  return {options.protocol, whole, of_a_class};
}

constexpr int64_t every_class = -1;

std::optional<Evaluator> evaluator(IouType type, bool wanted, const std::vector<int64_t>& categories,
                                   const EvaluationOptions& options) {
  if (!wanted) return {};
  return Evaluator(type, options.class_agnostic ? std::vector{every_class} : categories, protocols(type, options));
}

// All as one class: in the order of `categories`, else as they come; of a category named twice, twice.
template <class T>
std::vector<T> as_one_class(const std::vector<T>& items, const std::vector<int64_t>& categories) {
  std::unordered_map<int64_t, std::vector<const T*>> of;
  for (const T& x : items) of[x.category_id].push_back(&x);
  std::vector<T> out;
  for (int64_t category : categories)
    if (const auto found = of.find(category); found != of.end())
      for (const T* x : found->second) out.emplace_back(*x).category_id = every_class;
  return out;
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

// What is ignored or repaired in the annotations.
std::vector<std::string> annotation_warnings(const Annotations& a) {
  std::unordered_set<int64_t> seen;
  Counted duplicate, no_photo, no_category, zero, no_area;
  for (const Annotation& x : a.annotations) {
    if (!seen.insert(x.id).second) duplicate(x.id);
    if (!a.photo_row.contains(x.image_id))
      no_photo(x.id);
    else if (!a.category_row.contains(x.category_id))
      no_category(x.id);
    if (x.id == 0) zero(0);
    if (!x.has_area) no_area(x.id);
  }
  std::vector<std::string> out;
  warn(out, no_photo, a.source, "annotations of unknown images are ignored");
  warn(out, no_category, a.source, "annotations of unknown categories are ignored");
  warn(out, duplicate, a.source, "annotations repeat an id; the last with an id counts for all of them");
  warn(out, zero, a.source, "annotations have id 0; what finds them counts as wrong");
  warn(out, no_area, a.source, "annotations have no area; their mask's or box's is taken");
  return out;
}

// Polygons as pycocotools takes them: an odd last number is dropped.
Rle pixels(const std::vector<Polygon>& parts, const Photo* photo_or_none) {
  check(photo_or_none, "its image is not in the list of images");
  const Photo& photo = *photo_or_none;
  check(!parts.empty(), "segmentation is empty");
  check(parts[0].size() > 4, "its first polygon has {} numbers; 6 or more expected", parts[0].size());
  check(photo.height > 0 && photo.width > 0, "image {} has no height and width", photo.id);
  std::vector<Polygon> even = parts;
  for (Polygon& p : even) p.resize(p.size() / 2 * 2);
  return rasterise(even, photo.height, photo.width);
}

[[noreturn]] void fail_of(const Detection& x, const char* what) {
  fail("detection of category {} with score {} in image {}: {}", x.category_id, x.score, x.image_id, what);
}

// What pycocotools asks of every detection, measured or not.
void check_form(const Detection& x, AreaOf source) {
  if (source == AreaOf::box && !x.has_bbox) fail_of(x, "no bbox, but the first result has one");
  if (source == AreaOf::mask && !std::holds_alternative<Rle>(x.segmentation))
    fail_of(x, "neither the first result has a bbox nor this one an RLE");
}

// The objects and detections of one image in the evaluator's form.
class ImageCase {
 public:
  // photo: null if the annotations alone name the image.
  ImageCase(const Annotations& a, const Photo* photo, const EvaluationOptions& options)
      : a_(a), photo_(photo), options_(options) {}

  void add_truth(const Annotation& x) {
    try {
      const bool no_segmentation = std::holds_alternative<std::monostate>(x.segmentation);
      check(!options_.bbox || x.has_bbox, "bbox evaluation needs a bbox");
      check(!options_.masks() || !no_segmentation, "{} evaluation needs a segmentation",
            options_.segm ? "segm" : "boundary");
      const Rle* mask = options_.masks() || (!x.has_area && !no_segmentation) ? as_rle(x.segmentation) : nullptr;
      const double measured = mask ? double(area(*mask)) : x.bbox[2] * x.bbox[3];
      truths.push_back(
          {x.id, x.category_id, x.bbox, x.has_area ? x.area : measured, measured, x.crowd, mask, x.ignored});
    } catch (const Error& e) {
      fail("{}: annotation {}: {}", a_.source, x.id, e.what());
    }
  }

  // counts: it is of a category that is measured.
  void add_found(const Detection& x, AreaOf source, bool counts) {
    check_form(x, source);
    try {
      Found d{x.category_id, x.score, x.bbox, nullptr};
      if (source == AreaOf::box) {
        if (options_.masks() && counts) d.mask = mask_or_box(x);
      } else {
        d.mask = &std::get<Rle>(x.segmentation);
        if (!x.has_bbox) d.bbox = bounding_box(*d.mask);
      }
      found.push_back(d);
    } catch (const Error& e) {
      fail_of(x, e.what());
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
    check(photo_->height > 0 && photo_->width > 0, "image {} has no height and width", photo_->id);
    return own(rectangle(x.bbox, photo_->height, photo_->width));
  }

  const Annotations& a_;
  const Photo* photo_;
  const EvaluationOptions& options_;
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

// Images by id; of annotations with one id the last stands for all of them, in its own image and category, once for
// each, as pycocotools' loader has it.
struct Evaluation::Plan {
  struct Image {
    int64_t id;
    const Photo* photo;          // null: the annotations alone name it
    std::vector<size_t> truths;  // rows of the annotations
  };
  std::vector<Image> images;
  std::unordered_map<int64_t, size_t> index;  // into images, by id
  std::vector<int64_t> categories;            // as pycocotools' params.catIds
  std::unordered_set<int64_t> counted;        // the same

  Plan(const Annotations&, const EvaluationOptions&);

 private:
  void add_truths(const Annotations&, const EvaluationOptions&);
};

Evaluation::Plan::Plan(const Annotations& a, const EvaluationOptions& options)
    : categories(category_ids(a, options)), counted(categories.begin(), categories.end()) {
  std::vector<int64_t> ids;
  if (options.images)
    ids = *options.images;
  else
    for (const auto& [id, row] : a.photo_row) ids.push_back(id);
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  for (int64_t id : ids) {
    const auto row = a.photo_row.find(id);
    index.emplace(id, images.size());
    images.push_back({id, row == a.photo_row.end() ? nullptr : &a.photos[row->second], {}});
  }
  add_truths(a, options);
  for (const Image& image : images)
    for (size_t i : image.truths)
      if (const auto at = a.unusable.find(i); at != a.unusable.end()) fail("{}: {}", a.source, at->second);
}

void Evaluation::Plan::add_truths(const Annotations& a, const EvaluationOptions& options) {
  std::unordered_map<int64_t, size_t> last;
  std::vector<std::vector<size_t>> named(images.size());
  for (size_t i = 0; i < a.annotations.size(); ++i) {
    const Annotation& x = a.annotations[i];
    last.insert_or_assign(x.id, i);
    if (const auto at = index.find(x.image_id); at != index.end())
      if (options.class_agnostic || counted.contains(x.category_id)) named[at->second].push_back(i);
  }
  for (const std::vector<size_t>& rows : named)
    for (size_t i : rows) {
      const size_t meant = last.at(a.annotations[i].id);
      if (const auto at = index.find(a.annotations[meant].image_id); at != index.end())
        images[at->second].truths.push_back(meant);
      else
        check(!options.masks() || a.photo_row.contains(a.annotations[meant].image_id),
              "{}: annotation {}: the last with this id, which counts, is of an unknown image", a.source,
              a.annotations[meant].id);
    }
}

Evaluation::Evaluation(const Annotations& annotations, EvaluationOptions options)
    : annotations_(&annotations),
      options_(std::move(options)),
      plan_(std::make_shared<const Plan>(annotations, options_)),
      warnings_(annotation_warnings(annotations)) {
  check(options_.bbox || options_.masks(), "evaluation: neither bbox nor segm nor boundary asked for");
  measured_.bbox = evaluator(IouType::bbox, options_.bbox, plan_->categories, options_);
  measured_.segm = evaluator(IouType::segm, options_.segm, plan_->categories, options_);
  measured_.boundary = evaluator(IouType::boundary, options_.boundary, plan_->categories, options_);
  measured_.torchmetrics = options_.torchmetrics;
  measured_.has_images = !plan_->images.empty();
  for (int64_t id : measured_.any().categories()) {
    const auto row = annotations.category_row.find(id);
    const auto odd = options_.odd_ids.find(id);
    measured_.class_names.push_back(options_.class_agnostic                 ? "every class"
                                    : row == annotations.category_row.end() ? std::to_string(id)
                                                                            : annotations.categories[row->second].name);
    measured_.odd_ids.push_back(odd == options_.odd_ids.end() || options_.class_agnostic ? "" : odd->second);
  }
}

Evaluation Evaluation::empty() const {
  Evaluation out = *this;
  out.measured_.bbox = evaluator(IouType::bbox, options_.bbox, plan_->categories, options_);
  out.measured_.segm = evaluator(IouType::segm, options_.segm, plan_->categories, options_);
  out.measured_.boundary = evaluator(IouType::boundary, options_.boundary, plan_->categories, options_);
  out.measured_.objects = out.measured_.detections = out.measured_.unknown_category = 0;
  if (area_of_) out.set_area_of(*area_of_);
  return out;
}

void Evaluation::set_area_of(AreaOf source) {
  area_of_ = source;
  for (std::optional<Evaluator>* e : measured_.all())
    if (*e) (*e)->area_of = source;
}

void Evaluation::add_image(size_t index, std::span<const Detection* const> detections) {
  const Plan::Image& image = plan_->images[index];
  if (!detections.empty() && !area_of_) set_area_of(detections[0]->has_bbox ? AreaOf::box : AreaOf::mask);
  ImageCase one(*annotations_, image.photo, options_);
  for (size_t i : image.truths) one.add_truth(annotations_->annotations[i]);
  measured_.objects += int64_t(one.truths.size());
  for (const Detection* d : detections) {
    one.add_found(*d, *area_of_, options_.class_agnostic || plan_->counted.contains(d->category_id));
    ++(annotations_->category_row.contains(d->category_id) ? measured_.detections : measured_.unknown_category);
  }
  if (options_.class_agnostic) {
    one.truths = as_one_class(one.truths, plan_->categories);
    one.found = as_one_class(one.found, plan_->categories);
  }
  for (std::optional<Evaluator>* e : measured_.all())
    if (*e) (*e)->add(image.id, one.truths, one.found);
}

void Evaluation::add(int64_t image_id, std::span<const Detection> detections) {
  const auto at = plan_->index.find(image_id);
  check(at != plan_->index.end(), "evaluation: image {} is not in {}", image_id, annotations_->source);
  std::vector<const Detection*> list;
  for (const Detection& d : detections) {
    check(d.image_id == image_id, "evaluation: a detection of image {} was given with image {}", d.image_id, image_id);
    list.push_back(&d);
  }
  add_image(at->second, list);
}

void Evaluation::add_all(std::span<const Detection> detections) {
  check_photos(*annotations_, detections, "detections");
  if (!detections.empty() && !area_of_) set_area_of(detections[0].has_bbox ? AreaOf::box : AreaOf::mask);
  std::vector<std::vector<const Detection*>> found(plan_->images.size());
  for (const Detection& d : detections)
    if (const auto at = plan_->index.find(d.image_id); at != plan_->index.end())
      found[at->second].push_back(&d);
    else
      check_form(d, *area_of_);
  std::vector<size_t> left;  // the images to add
  for (size_t i = 0; i < found.size(); ++i)
    if (!measured_.any().has(plan_->images[i].id))
      left.push_back(i);
    else
      check(found[i].empty(), "evaluation: image {} was added before", plan_->images[i].id);

  std::map<int64_t, Evaluation> parts;  // by first image, so that merging does not depend on who was first
  std::mutex mutex;
  parallel_for(int64_t(left.size()), 8, [&](int64_t begin, int64_t end) {
    Evaluation part = empty();
    for (int64_t i = begin; i < end; ++i) part.add_image(left[size_t(i)], found[left[size_t(i)]]);
    const std::lock_guard lock(mutex);
    parts.emplace(begin, std::move(part));
  });
  for (const auto& [begin, part] : parts) merge(part);
}

void Evaluation::merge(const Evaluation& other) {
  measured_.merge(other.measured_);
  if (!area_of_) area_of_ = other.area_of_;
}

void Measured::merge(const Measured& other) {
  check(bbox.has_value() == other.bbox.has_value() && segm.has_value() == other.segm.has_value() &&
            boundary.has_value() == other.boundary.has_value(),
        "evaluation: only parts of the same IoU types merge");
  check(torchmetrics == other.torchmetrics && class_names == other.class_names && odd_ids == other.odd_ids,
        "evaluation: only parts with the same categories and protocols merge");
  if (bbox) bbox->merge(*other.bbox);
  if (segm) segm->merge(*other.segm);
  if (boundary) boundary->merge(*other.boundary);
  has_images = has_images || other.has_images;
  objects += other.objects;
  detections += other.detections;
  unknown_category += other.unknown_category;
}

Metrics Measured::metrics() const {
  Metrics out;
  const std::vector<Evaluator::Count> counts = any().counts();
  for (size_t k = 0; k < counts.size(); ++k)
    out.per_class.push_back(
        {any().categories()[k], class_names[k], counts[k].objects, counts[k].detections, {}, {}, {}, odd_ids[k]});
  const auto measure = [&](const std::optional<Evaluator>& e, auto all, auto one) {
    if (!e) return;
    const Accumulated x = e->accumulate();
    out.*all = summarise(x, e->protocol());
    for (size_t k = 0; k < counts.size(); ++k) out.per_class[k].*one = summarise(x, e->protocol(), k);
    if (torchmetrics && e->iou_type() != IouType::boundary)
      add_torchmetrics(out, *e, bbox && segm ? (e->iou_type() == IouType::bbox ? "bbox_" : "segm_") : "",
                       bbox ? !has_images : objects == 0 || detections == 0);
  };
  measure(bbox, &Metrics::bbox, &ClassMetrics::bbox);
  measure(segm, &Metrics::segm, &ClassMetrics::segm);
  measure(boundary, &Metrics::boundary, &ClassMetrics::boundary);
  if (torchmetrics && (bbox || segm)) out.torchmetrics.emplace_back("classes", classes(any()));
  return out;
}

std::vector<std::string> Evaluation::warnings() const {
  std::vector<std::string> out = warnings_;
  if (measured_.unknown_category > 0)
    out.push_back(fmt::format("{} detections of categories that {} does not have are ignored",
                              measured_.unknown_category, annotations_->source));
  return out;
}

}  // namespace sil
