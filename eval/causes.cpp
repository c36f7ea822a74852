#include "eval/causes.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <unordered_map>

#include "eval/pairs.h"
#include "tensor/check.h"

namespace sil {
namespace {

using Box = std::array<double, 4>;  // x, y, w, h

// --- The boxes of photos that have both objects and detections

struct PhotoBoxes {
  double width = 0, height = 0;
  std::vector<Box> objects, found;  // found: best score first
  std::vector<int64_t> object_classes, found_classes;
};

Box object_box(const Annotation& x) {
  if (x.has_bbox) return x.bbox;
  if (const Rle* mask = std::get_if<Rle>(&x.segmentation)) return bounding_box(*mask);
  Box corners{1e300, 1e300, -1e300, -1e300};
  if (const auto* parts = std::get_if<std::vector<Polygon>>(&x.segmentation))
    for (const Polygon& p : *parts)
      for (size_t i = 0; i < p.size(); ++i) {
        corners[i % 2] = std::min(corners[i % 2], p[i]);
        corners[2 + i % 2] = std::max(corners[2 + i % 2], p[i]);
      }
  return {corners[0], corners[1], corners[2] - corners[0], corners[3] - corners[1]};
}

// A thousand photos tell as much as all.  `shift` is added to the detections' image ids.
std::vector<PhotoBoxes> boxes_by_photo(const Annotations& a, std::span<const Detection> detections, int64_t shift) {
  constexpr size_t enough = 1000;
  std::unordered_map<int64_t, std::vector<const Detection*>> by_image;
  for (const Detection& d : detections) by_image[d.image_id + shift].push_back(&d);
  std::vector<PhotoBoxes> out;
  for (const auto& photo : a.photos) {
    const size_t row = a.photo_row.at(photo.id);
    const auto found = by_image.find(photo.id);
    if (found == by_image.end() || a.by_photo[row].empty()) continue;
    PhotoBoxes p{double(photo.width), double(photo.height), {}, {}, {}, {}};
    std::ranges::stable_sort(found->second, std::greater<>(), &Detection::score);
    for (const Detection* d : found->second) {
      p.found.push_back(box_of(*d));
      p.found_classes.push_back(d->category_id);
    }
    for (size_t i : a.by_photo[row]) {
      if (a.annotations[i].crowd) continue;
      p.objects.push_back(object_box(a.annotations[i]));
      p.object_classes.push_back(a.annotations[i].category_id);
    }
    out.push_back(std::move(p));
    if (out.size() == enough) break;
  }
  return out;
}

// --- Boxes that were meant differently

struct Reading {
  const char* meaning;
  bool centre, corners, relative;
};
constexpr std::array<Reading, 6> readings{
    {{"x, y, width, height", false, false, false},
     {"corners x1, y1, x2, y2", false, true, false},
     {"centre x, y, width, height", true, false, false},
     {"x, y, width, height relative to the image, 0 to 1", false, false, true},
     {"corners x1, y1, x2, y2 relative to the image, 0 to 1", false, true, true},
     {"centre x, y, width, height relative to the image, 0 to 1", true, false, true}}};

Box read(Box b, const Reading& r, const PhotoBoxes& photo) {
  if (r.corners) b = {b[0], b[1], b[2] - b[0], b[3] - b[1]};
  if (r.centre) b = {b[0] - b[2] / 2, b[1] - b[3] / 2, b[2], b[3]};
  if (r.relative) b = {b[0] * photo.width, b[1] * photo.height, b[2] * photo.width, b[3] * photo.height};
  return b;
}

void read_all(std::vector<PhotoBoxes>& photos, const Reading& r, std::vector<Box> PhotoBoxes::*boxes) {
  for (PhotoBoxes& p : photos)
    for (Box& b : p.*boxes) b = read(b, r, p);
}

// The first detection, they are ranked, whose box covers the object; none otherwise.
std::optional<size_t> finder(const PhotoBoxes& p, size_t object) {
  for (size_t d = 0; d < p.found.size(); ++d)
    if (iou(p.found[d], p.objects[object], false) >= .5) return d;
  return {};
}

struct Share {
  int64_t of = 0, all = 0;
  double percent() const { return all == 0 ? 0 : 100.0 * double(of) / double(all); }
};

// Objects that any detection finds, whatever its class.
Share found_objects(const std::vector<PhotoBoxes>& photos) {
  Share out;
  for (const PhotoBoxes& p : photos)
    for (size_t g = 0; g < p.objects.size(); ++g) {
      out.of += finder(p, g).has_value();
      ++out.all;
    }
  return out;
}

// Whether the other reading is what was meant: it finds a good part of the objects and more than twice as many.
bool explains(Share as_given, Share other, double least_percent = 30) {
  return other.percent() >= least_percent && other.of > 2 * as_given.of;
}

// No other reading could find more than twice as many.
bool sound(Share as_given) { return as_given.all > 0 && 2 * as_given.of >= as_given.all; }

bool all_within_one(const std::vector<PhotoBoxes>& photos, std::vector<Box> PhotoBoxes::*boxes) {
  bool any = false, within = true;
  for (const PhotoBoxes& p : photos)
    for (const Box& b : p.*boxes) {
      any = true;
      within &= p.width > 2 && p.height > 2 && std::ranges::all_of(b, [](double v) { return v >= 0 && v <= 1.001; });
    }
  return any && within;
}

// Corrects `photos` by the reading that explains them, if one does.
std::optional<Cause> wrong_boxes(std::vector<PhotoBoxes>& photos, std::vector<Box> PhotoBoxes::*boxes, const char* name,
                                 const char* whose) {
  const Share as_given = found_objects(photos);
  if (sound(as_given)) return {};
  std::optional<std::pair<Share, std::vector<PhotoBoxes>>> best;
  const char* meaning = nullptr;
  for (size_t r = 1; r < readings.size(); ++r) {
    std::vector<PhotoBoxes> other = photos;
    read_all(other, readings[r], boxes);
    const Share share = found_objects(other);
    if (!explains(as_given, share) || (best && share.of <= best->first.of)) continue;
    best.emplace(share, std::move(other));
    meaning = readings[r].meaning;
  }
  if (best) {
    photos = std::move(best->second);
    return Cause{
        name,
        fmt::format("{} boxes look like {}, where x, y, width, height in pixels is expected: so read, {:.0f} % of "
                    "the objects are found (IoU .5, whatever the class), as given {:.0f} %",
                    whose, meaning, best->first.percent(), as_given.percent())};
  }
  if (all_within_one(photos, boxes))
    return Cause{
        name,
        fmt::format("{} boxes all lie between 0 and 1: relative to the image, where pixels are expected?", whose)};
  return {};
}

// --- Ids

struct Range {
  int64_t low = 0, high = 0;
  std::string text() const { return low == high ? fmt::format("{}", low) : fmt::format("{} to {}", low, high); }
};

template <class Items, class Id>
Range range_of(const Items& items, Id id) {
  Range out{std::invoke(id, items[0]), std::invoke(id, items[0])};
  for (const auto& x : items) {
    out.low = std::min(out.low, std::invoke(id, x));
    out.high = std::max(out.high, std::invoke(id, x));
  }
  return out;
}

// What an id may stand for instead.
struct Guess {
  const char* text;
  std::function<int64_t(int64_t)> meant;  // the id
};

// `ids`: the known ones, ascending.
std::vector<Guess> guesses(const std::vector<int64_t>& ids) {
  const auto place = [&ids](int64_t first) {
    return [&ids, first](int64_t id) {
      const int64_t i = id - first;
      return i >= 0 && i < int64_t(ids.size()) ? ids[size_t(i)] : std::numeric_limits<int64_t>::min();
    };
  };
  return {{"ids off by one?", [](int64_t id) { return id + 1; }},
          {"ids off by one?", [](int64_t id) { return id - 1; }},
          {"ids off by one, or rather places in the list counted from 0?", place(0)},
          {"places in the list counted from 1 instead of ids?", place(1)}};
}

// A guess under which all ids are known, if some are not.
template <class Items, class Id>
std::string guess_by_range(const Items& items, Id id, const std::vector<int64_t>& known) {
  for (const Guess& g : guesses(known))
    if (std::ranges::all_of(
            items, [&](const auto& x) { return std::ranges::binary_search(known, g.meant(std::invoke(id, x))); }))
      return fmt::format(": {}", g.text);
  return "";
}

std::vector<int64_t> category_ids(const Annotations& a) {
  std::set<int64_t> out;
  for (const Category& c : a.categories) out.insert(c.id);
  return {out.begin(), out.end()};
}

std::vector<int64_t> image_ids(const Annotations& a) {
  std::set<int64_t> out;
  for (const Photo& p : a.photos) out.insert(p.id);
  return {out.begin(), out.end()};
}

// Of the objects that are found, whatever the class: how many have the class that `meant` makes of the detection's.
Share right_class(const std::vector<PhotoBoxes>& photos, const std::function<int64_t(int64_t)>& meant) {
  Share out;
  for (const PhotoBoxes& p : photos)
    for (size_t g = 0; g < p.objects.size(); ++g)
      if (const auto d = finder(p, g)) {
        out.of += meant(p.found_classes[*d]) == p.object_classes[g];
        ++out.all;
      }
  return out;
}

std::optional<Cause> wrong_categories(const Annotations& a, std::span<const Detection> detections,
                                      const std::vector<PhotoBoxes>& photos) {
  const std::vector<int64_t> known = category_ids(a);
  if (known.empty()) return {};
  const std::string both =
      fmt::format("all {} detections have category ids {}, the annotations {}", detections.size(),
                  range_of(detections, &Detection::category_id).text(), Range{known.front(), known.back()}.text());
  const Share as_given = right_class(photos, [](int64_t id) { return id; });
  std::optional<Share> best;
  const char* guess = nullptr;
  for (const Guess& g : guesses(known)) {
    const Share share = right_class(photos, g.meant);
    // Places counted from 1 are right up to the first hole in the ids, so a fifth more is enough if it is many.
    const bool better = as_given.all >= 20 && share.percent() >= 50 && share.percent() >= as_given.percent() + 20;
    if (!(better || explains(as_given, share, 50)) || (best && share.of <= best->of)) continue;
    best = share;
    guess = g.text;
  }
  if (best)
    return Cause{
        "category_ids",
        fmt::format("{}: {} So read, {:.0f} % of the objects that are found have their class, as given {:.0f} %", both,
                    guess, best->percent(), as_given.percent())};
  const bool none_known = std::ranges::none_of(
      detections, [&](const Detection& d) { return std::ranges::binary_search(known, d.category_id); });
  if (none_known)
    return Cause{"category_ids", both + ", and none of them is among these" +
                                     guess_by_range(detections, &Detection::category_id, known)};
  if (as_given.all >= 20 && as_given.percent() < 5)
    return Cause{"category_ids",
                 fmt::format("{}; of the objects that are found {:.0f} % have their class: ids of another list?", both,
                             as_given.percent())};
  return {};
}

std::optional<Cause> wrong_images(const Annotations& a, std::span<const Detection> detections,
                                  const std::vector<PhotoBoxes>& photos) {
  const Share as_given = found_objects(photos);
  if (sound(as_given)) return {};
  for (const int64_t shift : {1, -1}) {
    const Share shifted = found_objects(boxes_by_photo(a, detections, shift));
    if (explains(as_given, shifted))
      return Cause{
          "image_ids",
          fmt::format(
              "the detections' image ids look off by one: with {} added to them {:.0f} % of the objects are found (IoU "
              ".5, whatever the class), as given {:.0f} %",
              shift, shifted.percent(), as_given.percent())};
  }
  if (!photos.empty()) return {};
  return Cause{"image_ids",
               fmt::format("no image has both objects and detections: the detections' images are {}, the objects' {}",
                           range_of(detections, &Detection::image_id).text(),
                           range_of(a.annotations, &Annotation::image_id).text())};
}

// --- Masks

struct Sizes {
  int64_t wrong = 0, turned = 0, masks = 0;
  std::string first;
  void see(const Segmentation& s, const Photo& photo) {
    const Rle* mask = std::get_if<Rle>(&s);
    if (!mask || photo.height == 0 || photo.width == 0) return;
    ++masks;
    if (mask->height == photo.height && mask->width == photo.width) return;
    turned += mask->height == photo.width && mask->width == photo.height;
    if (wrong++ == 0)
      first = fmt::format("{} x {} where image {} is {} x {} (height x width)", mask->height, mask->width, photo.id,
                          photo.height, photo.width);
  }
  std::optional<Cause> cause(const char* whose) const {
    if (wrong == 0) return {};
    return Cause{"mask_sizes",
                 fmt::format("{} of {} masks of the {} have another size than their image, so they overlap nothing: "
                             "the first is {}{}",
                             wrong, masks, whose, first, turned == wrong ? ": height and width exchanged?" : "")};
  }
};

void add(std::vector<Cause>& to, std::optional<Cause> c) {
  if (c) to.push_back(std::move(*c));
}

void add_mask_causes(std::vector<Cause>& out, const Annotations& a, std::span<const Detection> detections) {
  Sizes of_annotations, of_detections;
  for (const Annotation& x : a.annotations)
    if (const auto row = a.photo_row.find(x.image_id); row != a.photo_row.end())
      of_annotations.see(x.segmentation, a.photos[row->second]);
  for (const Detection& d : detections) of_detections.see(d.segmentation, a.photos[a.photo_row.at(d.image_id)]);
  add(out, of_detections.cause("detections"));
  add(out, of_annotations.cause("annotations"));
  if (std::ranges::all_of(detections, [](const Detection& d) { return d.segmentation.index() == 0; }))
    out.push_back(
        {"no_masks", "no detection has a segmentation: under segm their boxes count as masks, whole rectangles"});
}

}  // namespace

std::vector<Cause> causes(const Annotations& a, std::span<const Detection> detections, const Protocol& protocol,
                          std::span<const IouType> types) {
  std::vector<Cause> out;
  if (std::ranges::find(protocol.max_detections, 100) == protocol.max_detections.end())
    out.push_back(
        {"detection_limits",
         fmt::format("AP is of the best 100 detections of an image and category, and 100 is not among the limits "
                     "{}: it is -1, as in pycocotools",
                     fmt::join(protocol.max_detections, ", "))});
  const auto counts = [&](const Annotation& x) {
    return a.photo_row.contains(x.image_id) && a.category_row.contains(x.category_id);
  };
  const int64_t objects = std::ranges::count_if(a.annotations, counts);
  if (objects == 0)
    out.push_back({"nothing", fmt::format("{} has no object of a known image and category: AP is -1", a.source)});
  else if (std::ranges::all_of(a.annotations, [&](const Annotation& x) { return !counts(x) || x.crowd; }))
    out.push_back({"crowds", fmt::format("all {} objects are crowds, which count for nothing: AP is -1", objects)});
  if (detections.empty()) out.push_back({"nothing", "there are no detections: AP is 0"});
  if (objects == 0 || detections.empty()) return out;

  std::vector<PhotoBoxes> photos = boxes_by_photo(a, detections, 0);
  add(out, wrong_images(a, detections, photos));
  if (std::ranges::any_of(detections, &Detection::has_bbox))
    add(out, wrong_boxes(photos, &PhotoBoxes::found, "boxes", "the detections'"));
  if (std::ranges::any_of(a.annotations, &Annotation::has_bbox))
    add(out, wrong_boxes(photos, &PhotoBoxes::objects, "annotation_boxes", "the annotations'"));
  add(out, wrong_categories(a, detections, photos));
  if (std::ranges::find(types, IouType::segm) != types.end()) add_mask_causes(out, a, detections);
  return out;
}

std::string unknown_images(const Annotations& a, std::span<const Detection> detections) {
  const int64_t unknown =
      std::ranges::count_if(detections, [&](const Detection& d) { return !a.photo_row.contains(d.image_id); });
  if (unknown == 0) return "";
  const std::vector<int64_t> known = image_ids(a);
  if (known.empty()) return fmt::format("{} has no images", a.source);
  return fmt::format("{} of {} detections have unknown image ids; theirs are {}, the annotations' {}{}", unknown,
                     detections.size(), range_of(detections, &Detection::image_id).text(),
                     Range{known.front(), known.back()}.text(),
                     guess_by_range(detections, &Detection::image_id, known));
}

}  // namespace sil
