#include "eval/evaluation.h"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "eval/causes.h"
#include "eval/image_case.h"
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

std::string nowhere(const DetectionView&) { return ""; }

// It is looked for where something is wrong with it alone.
std::string place_of(const DetectionView& wanted, std::span<const Results> results) {
  for (const Results& one : results) {
    size_t record = 0;
    for (const Results::List& list : one.lists)
      for (const DetectionView& d : list.detections) {
        if (&d == &wanted) return fmt::format("{}: record {}: ", one.source, record);
        ++record;
      }
  }
  return "";
}

}  // namespace

void check_photos(const Annotations& a, const Results& results) {
  size_t record = 0;
  int64_t known = 0;  // ids mostly repeat
  bool any_known = false;
  for (const Results::List& list : results.lists)
    for (const DetectionView& d : list.detections) {
      if (!(any_known && d.image_id == known) && !a.photo_row.contains(d.image_id))
        fail("{}: record {}: image_id {} is not in {}; {}", results.source, record, d.image_id, a.source,
             unknown_images(a, to_detections({&results, 1})));
      known = d.image_id, any_known = true;
      ++record;
    }
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
  // pycocotools makes masks of these categories: without any that are measured of all.
  bool loads(int64_t category) const { return loads_all_ || counted.contains(category) || loaded_.contains(category); }

 private:
  bool loads_all_;
  std::unordered_set<int64_t> loaded_;  // beside those counted

  void add_truths(const Annotations&, const EvaluationOptions&);
};

Evaluation::Plan::Plan(const Annotations& a, const EvaluationOptions& options)
    : categories(category_ids(a, options)),
      counted(categories.begin(), categories.end()),
      loads_all_(options.class_agnostic || categories.empty()),
      loaded_(options.loaded_categories) {
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

// Of an object in no image that is measured pycocotools makes the mask even so.
void check_mask(const Annotations& a, size_t row, const EvaluationOptions& options) {
  const Annotation& x = a.annotations[row];
  const auto photo = a.photo_row.find(x.image_id);
  check(photo != a.photo_row.end(), "{}: annotation {}: the last with this id, which counts, is of an unknown image",
        a.source, x.id);
  if (const auto at = a.unusable.find(row); at != a.unusable.end()) fail("{}: {}", a.source, at->second);
  const Place place = nowhere;
  ImageCase one(a, options, place);
  one.start(&a.photos[photo->second]);
  one.add_truth(x, false);
}

void Evaluation::Plan::add_truths(const Annotations& a, const EvaluationOptions& options) {
  std::unordered_map<int64_t, size_t> last;
  std::vector<std::vector<size_t>> named(images.size());
  for (size_t i = 0; i < a.annotations.size(); ++i) {
    const Annotation& x = a.annotations[i];
    last.insert_or_assign(x.id, i);
    if (const auto at = index.find(x.image_id); at != index.end())
      if (loads(x.category_id)) named[at->second].push_back(i);
  }
  for (const std::vector<size_t>& rows : named)
    for (size_t i : rows) {
      const size_t meant = last.at(a.annotations[i].id);
      if (const auto at = index.find(a.annotations[meant].image_id); at != index.end())
        images[at->second].truths.push_back(meant);
      else if (options.masks())
        check_mask(a, meant, options);
    }
}

Evaluation::Evaluation(const Annotations& annotations, EvaluationOptions options)
    : annotations_(&annotations),
      options_(std::move(options)),
      plan_(std::make_shared<const Plan>(annotations, options_)),
      warnings_(annotation_warnings(annotations)) {
  check(options_.bbox || options_.masks(), "evaluation: neither bbox nor segm nor boundary asked for");
  measured_ = nothing_measured();
}

Measured Evaluation::nothing_measured() const {
  Measured out;
  out.bbox = evaluator(IouType::bbox, options_.bbox, plan_->categories, options_);
  out.segm = evaluator(IouType::segm, options_.segm, plan_->categories, options_);
  out.boundary = evaluator(IouType::boundary, options_.boundary, plan_->categories, options_);
  for (std::optional<Evaluator>* e : out.all())
    if (*e) (*e)->area_of = area_of_;
  out.torchmetrics = options_.torchmetrics;
  out.has_images = !plan_->images.empty();
  for (int64_t id : out.any().categories()) {
    const auto row = annotations_->category_row.find(id);
    const auto odd = options_.odd_ids.find(id);
    out.class_names.push_back(options_.class_agnostic                   ? "every class"
                              : row == annotations_->category_row.end() ? std::to_string(id)
                                                                        : annotations_->categories[row->second].name);
    out.odd_ids.push_back(odd == options_.odd_ids.end() || options_.class_agnostic ? "" : odd->second);
  }
  return out;
}

void Evaluation::set_area_of(AreaOf source) {
  area_of_ = source;
  for (std::optional<Evaluator>* e : measured_.all())
    if (*e) (*e)->area_of = source;
}

void Evaluation::add_image(size_t index, std::span<const DetectionView* const> detections, ImageCase& one,
                           Measured& to) const {
  const Plan::Image& image = plan_->images[index];
  one.start(image.photo);
  for (size_t i : image.truths) {
    const Annotation& x = annotations_->annotations[i];
    one.add_truth(x, plan_->counted.contains(x.category_id));
  }
  to.objects += std::ranges::count_if(
      one.truths, [&](const Truth& t) { return options_.class_agnostic || plan_->counted.contains(t.category_id); });
  for (const DetectionView* d : detections) {
    one.add_found(*d, *area_of_, plan_->loads(d->category_id));
    ++(annotations_->category_row.contains(d->category_id) ? to.detections : to.unknown_category);
  }
  one.finish();
  if (options_.class_agnostic) {
    one.truths = as_one_class(one.truths, plan_->categories);
    one.found = as_one_class(one.found, plan_->categories);
  }
  for (std::optional<Evaluator>* e : to.all())
    if (*e) (*e)->add(image.id, one.truths, one.found);
}

void Evaluation::add(int64_t image_id, std::span<const Detection> detections) {
  const auto at = plan_->index.find(image_id);
  check(at != plan_->index.end(), "evaluation: image {} is not in {}", image_id, annotations_->source);
  std::vector<DetectionView> views;
  std::vector<const DetectionView*> list;
  for (const Detection& d : detections) {
    check(d.image_id == image_id, "evaluation: a detection of image {} was given with image {}", d.image_id, image_id);
    views.push_back(view(d));
  }
  for (const DetectionView& d : views) list.push_back(&d);
  if (!views.empty() && !area_of_) set_area_of(views[0].has_bbox ? AreaOf::box : AreaOf::mask);
  const Place place = nowhere;
  ImageCase one(*annotations_, options_, place);
  add_image(at->second, list, one, measured_);
}

// Detections by the image that they are in, in their order.
struct Evaluation::Sorted {
  std::vector<const DetectionView*> detections;
  std::vector<size_t> begins;  // by image, and one past the last

  std::span<const DetectionView* const> of(size_t image) const {
    return std::span(detections).subspan(begins[image], begins[image + 1] - begins[image]);
  }
};

// Of detections in images that are not measured the form alone is looked at.
Evaluation::Sorted Evaluation::sort_by_image(std::span<const Results::List* const> lists, const Place& place) const {
  constexpr uint32_t unmeasured = ~uint32_t(0);
  std::vector<std::vector<uint32_t>> image_of(lists.size());
  parallel_tasks(int64_t(lists.size()), [&](int64_t i) {
    std::vector<uint32_t>& out = image_of[size_t(i)];
    const auto& detections = lists[size_t(i)]->detections;
    out.reserve(detections.size());
    for (const DetectionView& d : detections) {
      if (!out.empty() && d.image_id == (&d)[-1].image_id) {
        out.push_back(out.back());
      } else {
        const auto at = plan_->index.find(d.image_id);
        out.push_back(at == plan_->index.end() ? unmeasured : uint32_t(at->second));
      }
      if (out.back() == unmeasured) check_form(d, *area_of_, place);
    }
  });
  Sorted out;
  out.begins.resize(plan_->images.size() + 2);
  for (const std::vector<uint32_t>& images : image_of)
    for (const uint32_t image : images)
      if (image != unmeasured) ++out.begins[image + 2];
  for (size_t i = 2; i < out.begins.size(); ++i) out.begins[i] += out.begins[i - 1];
  out.detections.resize(out.begins.back());
  for (size_t i = 0; i < lists.size(); ++i)
    for (size_t j = 0; j < image_of[i].size(); ++j)
      if (image_of[i][j] != unmeasured) out.detections[out.begins[image_of[i][j] + 1]++] = &lists[i]->detections[j];
  out.begins.pop_back();
  return out;
}

void Evaluation::add_all(std::span<const Results> results) {
  std::vector<const Results::List*> lists;
  for (const Results& one : results) {
    check_photos(*annotations_, one);
    for (const Results::List& list : one.lists)
      if (!list.detections.empty()) lists.push_back(&list);
  }
  if (!lists.empty() && !area_of_) set_area_of(lists[0]->detections[0].has_bbox ? AreaOf::box : AreaOf::mask);
  const Place place = [&](const DetectionView& d) { return place_of(d, results); };
  const Sorted found = sort_by_image(lists, place);
  std::vector<size_t> left;  // the images to add
  for (size_t i = 0; i < plan_->images.size(); ++i)
    if (!measured_.any().has(plan_->images[i].id))
      left.push_back(i);
    else
      check(found.of(i).empty(), "evaluation: image {} was added before", plan_->images[i].id);

  // A few parts a thread, on whichever is free; which thread it was does not matter.  The first has room for the
  // others.
  const size_t at_a_time = std::max<size_t>(16, left.size() / (4 * size_t(threads())) + 1);
  std::vector<Measured> parts((left.size() + at_a_time - 1) / at_a_time);
  parallel_tasks(int64_t(parts.size()), [&](int64_t task) {
    const std::span<size_t> rest = std::span(left).subspan(size_t(task) * at_a_time);
    Measured& part = parts[size_t(task)] = nothing_measured();
    for (std::optional<Evaluator>* e : part.all())
      if (*e) (*e)->reserve(task == 0 ? found.detections.size() : found.detections.size() / parts.size());
    ImageCase one(*annotations_, options_, place);
    for (size_t i : rest.first(std::min(rest.size(), at_a_time))) add_image(i, found.of(i), one, part);
  });
  for (Measured& part : parts) measured_.merge(std::move(part));
}

void Evaluation::add_all(std::span<const Detection> detections) {
  const Results results = view(detections, "detections");
  add_all({&results, 1});
}

void Evaluation::merge(Evaluation other) {
  measured_.merge(std::move(other.measured_));
  if (!area_of_) area_of_ = other.area_of_;
}

void Measured::merge(Measured other) {
  check(bbox.has_value() == other.bbox.has_value() && segm.has_value() == other.segm.has_value() &&
            boundary.has_value() == other.boundary.has_value(),
        "evaluation: only parts of the same IoU types merge");
  check(torchmetrics == other.torchmetrics && class_names == other.class_names && odd_ids == other.odd_ids,
        "evaluation: only parts with the same categories and protocols merge");
  if (bbox) bbox->merge(std::move(*other.bbox));
  if (segm) segm->merge(std::move(*other.segm));
  if (boundary) boundary->merge(std::move(*other.boundary));
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
