#include "data/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "tensor/check.h"
#include "tensor/threads.h"

namespace sil {

namespace {

// Gathers the findings of one annotation.
class Patient {
 public:
  // `place`: of a label folder's.
  Patient(const Annotation& a, std::string file, const std::string& place, std::vector<Finding>& findings)
      : annotation_(a), file_(std::move(file)), prefix_(place.empty() ? "" : place + ": "), findings_(findings) {}

  void stops(const char* kind, const std::string& text) { add(Severity::stops_training, kind, text); }
  void warn(const char* kind, const std::string& text) { add(Severity::warning, kind, text); }

 private:
  void add(Severity severity, const char* kind, const std::string& text) {
    findings_.push_back({severity, kind, file_, annotation_.id, prefix_ + text});
  }

  const Annotation& annotation_;
  std::string file_, prefix_;
  std::vector<Finding>& findings_;
};

std::string box_string(const std::array<double, 4>& b) {
  return fmt::format("[{:.6g}, {:.6g}, {:.6g}, {:.6g}]", b[0], b[1], b[2], b[3]);
}

bool finite(const std::array<double, 4>& box) {
  return std::all_of(box.begin(), box.end(), [](double v) { return std::isfinite(v); });
}

// False if the box cannot be used.
bool check_box(const Annotation& a, const Photo& photo, Patient& patient) {
  if (!finite(a.bbox)) {
    patient.stops("broken box", fmt::format("bbox {} has a number that is not finite", box_string(a.bbox)));
    return false;
  }
  const auto& [x, y, w, h] = a.bbox;
  if (w <= 0 || h <= 0) {
    patient.warn("box without area", fmt::format("bbox {} has no area", box_string(a.bbox)));
    return false;
  }
  if (x < -kBeyondPhoto || y < -kBeyondPhoto || x + w > photo.width + kBeyondPhoto ||
      y + h > photo.height + kBeyondPhoto)
    patient.warn("outside the photo", fmt::format("bbox {} reaches outside the photo of {} x {} (width x height)",
                                                  box_string(a.bbox), photo.width, photo.height));
  return true;
}

// False if the outline cannot be rasterised.
bool check_polygons(const std::vector<Polygon>& parts, Patient& patient, Depth depth) {
  bool usable = true;
  const auto broken = [&](std::string text) {
    patient.stops("broken polygon", std::move(text));
    usable = false;
  };
  for (size_t i = 0; i < parts.size(); ++i) {
    const Polygon& part = parts[i];
    const bool finite = std::all_of(part.begin(), part.end(), [](double v) { return std::abs(v) <= 1e12; });
    if (part.size() % 2 != 0)
      broken(fmt::format("polygon {} has {} coordinates; pairs of x, y expected", i, part.size()));
    else if (part.size() < 6)
      broken(fmt::format("polygon {} has {} points; 3 or more expected", i, part.size() / 2));
    else if (!finite)
      broken(fmt::format("polygon {} has a coordinate that is not a number, or past 1e12", i));
    else if (depth == Depth::full && self_crossing(part))
      patient.warn("self-crossing polygon", fmt::format("polygon {} crosses itself", i));
  }
  return usable;
}

// False if there is nothing to rasterise, or it does not fit.
bool check_outline(const Annotation& a, const Photo& photo, Patient& patient, Depth depth) {
  if (const auto* mask = std::get_if<Rle>(&a.segmentation)) {
    if (mask->height == photo.height && mask->width == photo.width) return true;
    patient.stops("mask of another size", fmt::format("mask is {} x {}, its photo {} x {} (width x height)",
                                                      mask->width, mask->height, photo.width, photo.height));
    return false;
  }
  const auto* parts = std::get_if<std::vector<Polygon>>(&a.segmentation);
  if (parts && !parts->empty()) return check_polygons(*parts, patient, depth);
  if (a.has_bbox)
    patient.warn("no outline", "has no segmentation; its box stands for the mask");
  else
    patient.stops("no outline, no box", "has neither segmentation nor bbox");
  return false;
}

void check_mask(const Annotation& a, const Photo& photo, bool box_usable, Patient& patient) {
  const Rle mask = to_rle(a, photo);
  if (area(mask) == 0) return patient.warn("mask without pixels", "mask has no pixel inside the photo");
  if (!box_usable) return;
  const std::array<double, 4> seen = bounding_box(mask);
  const auto& [x, y, w, h] = a.bbox;
  const auto clip = [](double v, int side) { return std::clamp(v, 0., double(side)); };
  const double off = std::max({std::abs(clip(x, photo.width) - seen[0]), std::abs(clip(y, photo.height) - seen[1]),
                               std::abs(clip(x + w, photo.width) - seen[0] - seen[2]),
                               std::abs(clip(y + h, photo.height) - seen[1] - seen[3])});
  if (off > beside_mask(w, h))
    patient.warn("box disagrees with mask", fmt::format("bbox {} is up to {:.1f} pixels from its mask's {}",
                                                        box_string(a.bbox), off, box_string(seen)));
}

std::vector<Finding> check_annotation(const Annotations& all, const Annotation& a, Depth depth) {
  std::vector<Finding> findings;
  const auto row = all.photo_row.find(a.image_id);
  const Photo* photo = row == all.photo_row.end() ? nullptr : &all.photos[row->second];
  Patient patient(a, photo ? file_of(*photo, all.source) : all.source, photo ? place_of(a, *photo) : "", findings);
  if (!photo) patient.stops("unknown image", fmt::format("image_id {} is not among the images", a.image_id));
  if (!all.category_row.contains(a.category_id))
    patient.stops("unknown category", fmt::format("category_id {} is not among the categories", a.category_id));
  if (!photo) return findings;
  if (a.crowd) patient.warn("crowd", "is a crowd (iscrowd 1); training leaves it out");
  if (a.has_area && !(a.area >= 0 && std::isfinite(a.area)))
    patient.warn("broken area", fmt::format("area is {}; a number of 0 or more expected", a.area));
  const bool box_usable = a.has_bbox && check_box(a, *photo, patient);
  if (check_outline(a, *photo, patient, depth) && depth == Depth::full)
    check_mask(a, *photo, box_usable && !a.crowd, patient);
  return findings;
}

template <class Record>
void find_twice(const std::vector<Record>& records, const char* noun, const std::string& source,
                std::vector<Finding>& findings) {
  std::set<int64_t> seen;
  for (const Record& record : records)
    if (!seen.insert(record.id).second)
      findings.push_back({Severity::stops_training,
                          fmt::format("{} id twice", noun),
                          source,
                          {},
                          fmt::format("{} id {} is used twice", noun, record.id)});
}

void find_annotations_twice(const Annotations& all, std::vector<Finding>& findings) {
  std::set<int64_t> seen;
  for (const Annotation& a : all.annotations) {
    if (seen.insert(a.id).second) continue;
    const auto row = all.photo_row.find(a.image_id);
    findings.push_back({Severity::warning, "annotation id twice",
                        row == all.photo_row.end() ? all.source : file_of(all.photos[row->second], all.source), a.id,
                        "its id is another annotation's too"});
  }
}

void find_names_twice(const Annotations& all, std::vector<Finding>& findings) {
  std::map<std::string, int64_t> seen;
  for (const Category& c : all.categories)
    if (const auto [first, is_new] = seen.emplace(c.name, c.id); !is_new && first->second != c.id)
      findings.push_back({Severity::warning,
                          "category name twice",
                          all.source,
                          {},
                          fmt::format("categories {} and {} are both named {}", first->second, c.id, c.name)});
}

void find_photos_without_objects(const Annotations& all, std::vector<Finding>& findings) {
  const auto is_object = [&](size_t row) { return !all.annotations[row].crowd; };
  for (size_t i = 0; i < all.photos.size(); ++i) {
    const Photo& photo = all.photos[i];
    if (std::ranges::none_of(all.by_photo[i], is_object) && all.photo_row.at(photo.id) == i)
      findings.push_back(
          {Severity::warning,
           "photo without objects",
           file_of(photo, all.source),
           {},
           photo.file_name.empty() ? fmt::format("image {}: has no objects", photo.id) : "has no objects"});
  }
}

void find_absent_classes(const Annotations& all, std::vector<Finding>& findings) {
  int64_t objects = 0, crowds = 0;
  for (const ClassCount& c : class_balance(all)) {
    objects += c.objects;
    crowds += c.crowds;
    if (c.objects == 0)
      findings.push_back({Severity::warning,
                          "category without objects",
                          all.source,
                          {},
                          fmt::format("category {} ({}) has no objects", c.category.id, c.category.name)});
  }
  if (objects == 0)
    findings.push_back(
        {Severity::stops_training,
         "nothing to learn from",
         all.source,
         {},
         fmt::format("nothing to learn from: of {} annotations {} are crowds, {} of an unknown image or category",
                     all.annotations.size(), crowds, int64_t(all.annotations.size()) - crowds)});
}

}  // namespace

std::string file_of(const Photo& photo, const std::string& source) {
  return photo.file_name.empty() ? source : photo.file_name;
}

std::string Finding::line() const {
  return annotation ? fmt::format("{}: annotation {}: {}", file, *annotation, text) : fmt::format("{}: {}", file, text);
}

std::vector<Finding> check_annotations(const Annotations& all, Depth depth) {
  std::vector<std::vector<Finding>> of(all.annotations.size());
  parallel_tasks(int64_t(of.size()),
                 [&](int64_t i) { of[size_t(i)] = check_annotation(all, all.annotations[size_t(i)], depth); });

  std::vector<Finding> findings;
  for (auto& some : of) findings.insert(findings.end(), some.begin(), some.end());
  find_twice(all.photos, "image", all.source, findings);
  find_twice(all.categories, "category", all.source, findings);
  find_annotations_twice(all, findings);
  find_names_twice(all, findings);
  find_photos_without_objects(all, findings);
  find_absent_classes(all, findings);
  return findings;
}

std::vector<Finding> as_findings(const std::vector<Fault>& faults) {
  std::vector<Finding> findings;
  for (const Fault& fault : faults) {
    Finding f{Severity::stops_training, "unusable record", fault.file, fault.annotation, ""};
    const std::string prefix = f.line();  // a finding says these apart
    f.text = fault.text.starts_with(prefix) ? fault.text.substr(prefix.size()) : fault.text;
    findings.push_back(f);
  }
  return findings;
}

void refuse_broken(const std::vector<Finding>& findings) {
  const auto stops = [](const Finding& f) { return f.severity == Severity::stops_training; };
  const auto first = std::find_if(findings.begin(), findings.end(), stops);
  if (first == findings.end()) return;
  const auto others = std::count_if(findings.begin(), findings.end(), stops) - 1;
  if (others == 0) throw Error(first->line());
  fail("{} (and {} more that stop training; doctor lists them)", first->line(), others);
}

std::vector<ClassCount> class_balance(const Annotations& all) {
  std::vector<ClassCount> counts;
  for (const Category& category : all.categories) counts.push_back({category});
  for (const std::vector<size_t>& rows : all.by_photo) {
    std::set<size_t> here;
    for (const size_t row : rows) {
      const Annotation& a = all.annotations[row];
      const auto c = all.category_row.find(a.category_id);
      if (c == all.category_row.end()) continue;
      ++(a.crowd ? counts[c->second].crowds : counts[c->second].objects);
      if (!a.crowd) here.insert(c->second);
    }
    for (const size_t c : here) ++counts[c].photos;
  }
  return counts;
}

}  // namespace sil
