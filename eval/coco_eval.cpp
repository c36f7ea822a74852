#include "eval/coco_eval.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "eval/matching.h"
#include "eval/rank.h"
#include "tensor/check.h"

namespace sil {
namespace {

// numpy.linspace
std::vector<double> linspace(double first, double last, int n) {
  const double step = (last - first) / (n - 1);
  std::vector<double> out;
  for (int i = 0; i < n; ++i) out.push_back(i * step + first);
  out.back() = last;
  return out;
}

// torch.linspace in float32: from both ends to the middle, each value rounded once.
std::vector<double> linspace_float(float first, float last, int n) {
  const float step = (last - first) / float(n - 1);
  std::vector<double> out;
  for (int i = 0; i < n; ++i)
    out.push_back(i < n / 2 ? float(double(first) + double(step) * i)
                            : float(double(last) - double(step) * (n - 1 - i)));
  return out;
}

bool same(double a, double b) { return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b); }  // NaN is NaN

bool same(const Protocol& a, const Protocol& b) {
  const auto same_number = [](double x, double y) { return same(x, y); };
  const auto same_area = [](const AreaRange& x, const AreaRange& y) {
    return x.name == y.name && same(x.low, y.low) && same(x.high, y.high);
  };
  return std::ranges::equal(a.iou_thresholds, b.iou_thresholds, same_number) &&
         std::ranges::equal(a.recall_thresholds, b.recall_thresholds, same_number) &&
         a.max_detections == b.max_detections && a.area_of == b.area_of &&
         a.measure_if_no_area == b.measure_if_no_area && a.skip_empty_images == b.skip_empty_images &&
         std::ranges::equal(a.areas, b.areas, same_area);
}

template <class T>
struct Item {
  size_t category;  // index
  const T* item;
};

bool ranks_before(const Item<Truth>& a, const Item<Truth>& b) {
  return a.category != b.category ? a.category < b.category : a.item < b.item;
}

bool ranks_before(const Item<Found>& a, const Item<Found>& b) {
  return a.category != b.category ? a.category < b.category
                                  : sil::ranks_before(a.item->score, a.item, b.item->score, b.item);
}

// Those of known categories, by category, as they rank in it.
template <class T>
void by_category(std::span<const T> items, const std::vector<int64_t>& categories, std::vector<Item<T>>& out) {
  out.clear();
  for (const T& x : items) {
    const auto at = std::ranges::lower_bound(categories, x.category_id);
    if (at != categories.end() && *at == x.category_id) out.push_back({size_t(at - categories.begin()), &x});
  }
  std::ranges::sort(out, [](const Item<T>& a, const Item<T>& b) { return ranks_before(a, b); });
}

// Takes the items of `category` from the front of `rest`.
template <class T>
void take(std::span<const Item<T>>& rest, size_t category, std::vector<const T*>& out) {
  out.clear();
  for (; !rest.empty() && rest.front().category == category; rest = rest.subspan(1)) out.push_back(rest.front().item);
}

double area_of(const Found& d, AreaOf source) {
  return source == AreaOf::box ? d.bbox[2] * d.bbox[3] : double(area(d.mask));
}

double area_of(const Truth& g, const Protocol& p) {
  return p.measure_if_no_area && !(g.area > 0) ? g.measured_area : g.area;
}

}  // namespace

Protocol Protocol::coco() {
  return {.iou_thresholds = linspace(.5, .95, 10),
          .recall_thresholds = linspace(0, 1, 101),
          .areas = {{"all", 0, 1e10}, {"small", 0, 1024}, {"medium", 1024, 9216}, {"large", 9216, 1e10}},
          .max_detections = {1, 10, 100},
          .area_of = {}};
}

Protocol Protocol::torchmetrics(IouType type) {
  Protocol p = coco();
  p.iou_thresholds = linspace_float(.5f, .95f, 10);
  p.recall_thresholds = linspace_float(0, 1, 101);
  p.area_of = type == IouType::segm ? AreaOf::mask : AreaOf::box;
  p.measure_if_no_area = true;
  return p;
}

Evaluator::Evaluator(IouType type, std::vector<int64_t> categories, std::vector<Protocol> protocols)
    : type_(type), categories_(std::move(categories)), protocols_(std::move(protocols)), kept_(protocols_.size()) {
  std::ranges::sort(categories_);
  categories_.erase(std::unique(categories_.begin(), categories_.end()), categories_.end());
  for (size_t p = 0; p < protocols_.size(); ++p) {
    std::vector<int64_t>& limits = protocols_[p].max_detections;
    std::ranges::sort(limits);
    check(!limits.empty(), "evaluator: no limit of detections; 1 or more expected");
    check(limits.front() >= 0, "evaluator: a limit of detections is {}; 0 or more expected", limits.front());
    kept_[p].words = (protocols_[p].iou_thresholds.size() * protocols_[p].areas.size() + 63) / 64;
    limit_ = std::max(limit_, limits.back());
    matchers_.emplace_back(protocols_[p]);
  }
}

void Evaluator::reserve(size_t detections) {
  groups_.reserve(detections);
  scores_.reserve(detections);
  for (size_t p = 0; p < kept_.size(); ++p) {
    kept_[p].matched.reserve(detections * kept_[p].words);
    kept_[p].ignored.reserve(detections * kept_[p].words);
    kept_[p].objects.reserve(detections * protocols_[p].areas.size());
  }
}

void Evaluator::add(int64_t image_id, std::span<const Truth> truths, std::span<const Found> found) {
  check(images_.emplace(image_id, !found.empty()).second, "evaluator: image {} was added before", image_id);
  check(found.empty() || area_of, "evaluator: area_of must be set before the first image with detections");
  static thread_local std::vector<Item<Truth>> all_truths;
  static thread_local std::vector<Item<Found>> all_found;
  static thread_local std::vector<const Truth*> some_truths;
  static thread_local std::vector<const Found*> some_found;
  by_category(truths, categories_, all_truths);
  by_category(found, categories_, all_found);
  std::span<const Item<Truth>> truths_left = all_truths;
  std::span<const Item<Found>> found_left = all_found;
  while (!truths_left.empty() || !found_left.empty()) {
    const size_t category = std::min(truths_left.empty() ? categories_.size() : truths_left.front().category,
                                     found_left.empty() ? categories_.size() : found_left.front().category);
    take(truths_left, category, some_truths);
    take(found_left, category, some_found);
    if (some_found.size() > size_t(limit_)) some_found.resize(size_t(limit_));
    add_group(image_id, category, some_truths, some_found);
    for (size_t p = 0; p < protocols_.size() && all_truths.empty(); ++p)
      if (protocols_[p].skip_empty_images) ignore_last_group(protocols_[p], kept_[p]);
  }
}

void Evaluator::add_group(int64_t image_id, size_t category, std::span<const Truth* const> truths,
                          std::span<const Found* const> found) {
  static thread_local std::vector<double> ious, truth_areas, found_areas;
  const size_t D = found.size(), begin = scores_.size();
  groups_.push_back({image_id, category, begin, begin + D});
  for (const Found* d : found) scores_.push_back(d->score);
  overlaps(type_, truths, found, ious);
  for (size_t i = 0; i < protocols_.size(); ++i) {
    const Protocol& p = protocols_[i];
    Kept& kept = kept_[i];
    truth_areas.clear();
    found_areas.clear();
    for (const Truth* g : truths) truth_areas.push_back(sil::area_of(*g, p));
    for (const Found* d : found.first(std::min(D, size_t(p.max_detections.back()))))
      found_areas.push_back(sil::area_of(*d, p.area_of ? *p.area_of : *area_of));
    kept.matched.resize((begin + D) * kept.words);
    kept.ignored.resize((begin + D) * kept.words);
    kept.objects.resize(groups_.size() * p.areas.size());
    matchers_[i](ious, truths, truth_areas, found_areas,
                 {kept.matched.data() + begin * kept.words, kept.ignored.data() + begin * kept.words,
                  kept.objects.data() + (groups_.size() - 1) * p.areas.size(), kept.words});
  }
}

void Evaluator::ignore_last_group(const Protocol& p, Kept& kept) {
  const size_t words = kept.words, bits = p.iou_thresholds.size() * p.areas.size();
  for (size_t row = groups_.back().begin; row < groups_.back().end; ++row)
    for (size_t bit = 0; bit < bits; ++bit) kept.ignored[row * words + bit / 64] |= uint64_t(1) << bit % 64;
}

void Evaluator::merge(Evaluator other) {
  check(type_ == other.type_ && categories_ == other.categories_ &&
            std::ranges::equal(protocols_, other.protocols_,
                               [](const Protocol& a, const Protocol& b) { return same(a, b); }),
        "evaluator: only parts with the same categories and protocols merge");
  check(!area_of || !other.area_of || *area_of == *other.area_of,
        "evaluator: one part takes the area of detections from their boxes, the other from their masks");
  std::unordered_set<int64_t> mine, others;  // in both parts: those to drop
  for (const auto& [id, found] : other.images_)
    if (const auto at = images_.find(id); at != images_.end()) {
      check(!found || !at->second, "evaluator: both parts have detections of image {}", id);
      (found ? mine : others).insert(id);
    }
  drop(mine);

  if (!area_of) area_of = other.area_of;
  if (images_.empty()) {
    images_ = std::move(other.images_);
    groups_ = std::move(other.groups_);
    scores_ = std::move(other.scores_);
    kept_ = std::move(other.kept_);
    return;
  }
  const size_t rows = scores_.size();
  for (const auto& [id, found] : other.images_)
    if (!others.contains(id)) images_[id] = found;
  for (size_t i = 0; i < other.groups_.size(); ++i) {
    const Group& g = other.groups_[i];
    if (others.contains(g.image_id)) continue;
    groups_.push_back({g.image_id, g.category, g.begin + rows, g.end + rows});
    for (size_t p = 0; p < kept_.size(); ++p) {
      const auto objects = other.kept_[p].objects.begin() + ptrdiff_t(i * protocols_[p].areas.size());
      kept_[p].objects.insert(kept_[p].objects.end(), objects, objects + ptrdiff_t(protocols_[p].areas.size()));
    }
  }
  scores_.insert(scores_.end(), other.scores_.begin(), other.scores_.end());
  for (size_t p = 0; p < kept_.size(); ++p) {
    const Kept& from = other.kept_[p];
    kept_[p].matched.insert(kept_[p].matched.end(), from.matched.begin(), from.matched.end());
    kept_[p].ignored.insert(kept_[p].ignored.end(), from.ignored.begin(), from.ignored.end());
  }
}

void Evaluator::drop(const std::unordered_set<int64_t>& images) {
  if (images.empty()) return;
  size_t kept_groups = 0;
  for (size_t i = 0; i < groups_.size(); ++i) {
    if (images.contains(groups_[i].image_id)) continue;
    groups_[kept_groups] = groups_[i];
    for (size_t p = 0; p < kept_.size(); ++p)
      std::copy_n(kept_[p].objects.begin() + ptrdiff_t(i * protocols_[p].areas.size()), protocols_[p].areas.size(),
                  kept_[p].objects.begin() + ptrdiff_t(kept_groups * protocols_[p].areas.size()));
    ++kept_groups;
  }
  groups_.resize(kept_groups);
  for (size_t p = 0; p < kept_.size(); ++p) kept_[p].objects.resize(kept_groups * protocols_[p].areas.size());
  for (int64_t id : images) images_.erase(id);
}

std::vector<Evaluator::Count> Evaluator::counts() const {
  const size_t A = protocols_.at(0).areas.size();
  std::vector<Count> out(categories_.size());
  for (size_t i = 0; i < groups_.size(); ++i) {
    Count& count = out[groups_[i].category];
    count.objects += A ? kept_[0].objects[i * A] : 0;
    count.detections += int64_t(groups_[i].end - groups_[i].begin);
    ++count.images;
  }
  return out;
}

}  // namespace sil
