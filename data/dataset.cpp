#include "data/dataset.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "data/image.h"
#include "data/validate.h"
#include "tensor/check.h"

namespace sil {
namespace {

// Of one kind of finding: how many, and the first.
struct Count {
  int64_t number = 0;
  std::string first;
  void add(const Annotation& a, const Photo& photo) {
    if (number++ == 0) first = record_of(a, photo);
  }
};

struct Tally {
  Count crowds, without_area, outside, beyond, disagreeing, without_mask;

  std::vector<std::string> warnings(const Annotations& all, Purpose purpose) const {
    const bool validation = purpose == Purpose::validation;  // it evaluates with the annotations as they are
    const char* left_out = validation ? "left out of the losses, not of the evaluation," : "left out";
    const char* clipped = validation ? "clipped for the losses, not for the evaluation," : "clipped";
    std::vector<std::string> lines;
    const auto warn = [&](const char* done, const Count& count, const char* what) {
      if (count.number)
        lines.push_back(fmt::format("{}: {} {} of {} annotations: {} (the first is {})", all.source, done, count.number,
                                    all.annotations.size(), what, count.first));
    };
    warn(left_out, crowds, "crowds");
    warn(left_out, without_area, "boxes without area");
    warn(left_out, outside, "boxes wholly outside their photo");
    warn(clipped, beyond, "boxes that reach outside their photo");
    warn("used", disagreeing, "boxes that disagree with their masks");
    warn("used", without_mask, "no mask, so the box stands for it");
    return lines;
  }
};

// x1, y1, x2, y2.
using Corners = std::array<double, 4>;

Corners corners(const std::array<double, 4>& xywh) { return {xywh[0], xywh[1], xywh[0] + xywh[2], xywh[1] + xywh[3]}; }

Corners clipped(const Corners& box, const Photo& photo) {
  const double w = photo.width, h = photo.height;
  return {std::clamp(box[0], 0.0, w), std::clamp(box[1], 0.0, h), std::clamp(box[2], 0.0, w),
          std::clamp(box[3], 0.0, h)};
}

bool empty(const Corners& box) {
  constexpr double least = 1e-3;  // pixels: a thinner box may lose its area in float32
  return !(box[2] - box[0] >= least && box[3] - box[1] >= least);
}

double largest_difference(const Corners& a, const Corners& b) {
  double most = 0;
  for (size_t i = 0; i < 4; ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

bool has_mask(const Annotation& a) {
  const auto* parts = std::get_if<std::vector<Polygon>>(&a.segmentation);
  return parts ? !parts->empty() : std::holds_alternative<Rle>(a.segmentation);
}

// What the outline encloses, without rasterising it.
Corners extent(const Annotation& a) {
  if (const auto* rle = std::get_if<Rle>(&a.segmentation)) return corners(bounding_box(*rle));
  return corners(bounding_box(std::get<std::vector<Polygon>>(a.segmentation)));
}

bool box_disagrees(const Annotation& a, const Photo& photo) {
  if (!a.has_bbox || !has_mask(a)) return false;
  return largest_difference(clipped(corners(a.bbox), photo), clipped(extent(a), photo)) >
         beside_mask(a.bbox[2], a.bbox[3]);
}

// The box to learn, clipped to the photo; empty if there is none.
Corners box_of(const Annotation& a, const Photo& photo) {
  return clipped(a.has_bbox ? corners(a.bbox) : corners(bounding_box(to_rle(a, photo))), photo);
}

// A finding names the photo alone, as doctor's list stands under its set's title; an error stands by itself.
void refuse(std::vector<Finding> findings, const std::string& source) {
  for (Finding& f : findings)
    if (f.file != source) f.file = source + ": " + f.file;
  refuse_broken(findings);
}

}  // namespace

Dataset::Dataset(Annotations annotations, std::filesystem::path images, CategoryTable categories,
                 Preparation preparation, Purpose purpose, Exif exif)
    : annotations_(std::move(annotations)),
      images_(std::move(images)),
      categories_(std::move(categories)),
      preparation_(std::move(preparation)),
      purpose_(purpose),
      exif_(exif) {
  annotations_.index();
  for (size_t i = 0; i < annotations_.photos.size(); ++i) rows_.push_back({i, {}});
  if (purpose_ == Purpose::prediction) return;
  refuse(check_annotations(annotations_, Depth::quick), annotations_.source);
  refuse(check_photos(annotations_, images_, Depth::quick, exif_), annotations_.source);
  check_names();
  collect_objects();
  if (purpose_ == Purpose::training)
    drop_photos_without_objects();
  else
    complete_objects();
}

void Dataset::check_names() const {
  for (const Category& c : annotations_.categories) {
    const int output = categories_.output(c.id);
    const std::string known = output > 0 ? categories_.row(output).name : "";
    check(known.empty() || known == c.name, "{}: category {} is \"{}\", but \"{}\" among the model's categories",
          annotations_.source, c.id, c.name, known);
  }
}

void Dataset::collect_objects() {
  Tally tally;
  for (size_t i = 0; i < annotations_.annotations.size(); ++i) {
    const Annotation& a = annotations_.annotations[i];
    const size_t row = annotations_.photo_row.at(a.image_id);
    const Photo& photo = annotations_.photos[row];
    if (categories_.output(a.category_id) <= 0)
      fail("{}: {}: category_id {} is not one of the model's categories", annotations_.source, record_of(a, photo),
           a.category_id);
    if (a.crowd)
      tally.crowds.add(a, photo);
    else if (a.has_bbox && empty(corners(a.bbox)))
      tally.without_area.add(a, photo);
    else if (empty(box_of(a, photo)))
      (a.has_bbox ? tally.outside : tally.without_area).add(a, photo);
    else {
      if (!has_mask(a)) tally.without_mask.add(a, photo);
      if (a.has_bbox && largest_difference(corners(a.bbox), box_of(a, photo)) > kBeyondPhoto)
        tally.beyond.add(a, photo);
      if (box_disagrees(a, photo)) tally.disagreeing.add(a, photo);
      rows_[row].objects.push_back(i);
    }
  }
  warnings_ = tally.warnings(annotations_, purpose_);
  const bool any = std::ranges::any_of(rows_, [](const Row& r) { return !r.objects.empty(); });
  check(any || purpose_ == Purpose::validation,
        "{}: nothing to learn from: of its annotations {} are boxes without area, {} boxes outside their photo, {} "
        "crowds",
        annotations_.source, tally.without_area.number, tally.outside.number, tally.crowds.number);
}

void Dataset::drop_photos_without_objects() {
  const auto kept = std::stable_partition(rows_.begin(), rows_.end(), [](const Row& r) { return !r.objects.empty(); });
  if (kept == rows_.end()) return;
  warnings_.push_back(fmt::format("{}: left out {} of {} photos: no usable object (the first is {})",
                                  annotations_.source, rows_.end() - kept, rows_.size(),
                                  annotations_.photos[kept->photo].file_name));
  rows_.erase(kept, rows_.end());
}

void Dataset::complete_objects() {
  for (Annotation& a : annotations_.annotations) {
    const Photo& photo = annotations_.photos[annotations_.photo_row.at(a.image_id)];
    if (!has_mask(a)) a.segmentation = rectangle(a.bbox, photo.height, photo.width);
    if (!a.has_bbox) a.bbox = bounding_box(to_rle(a, photo));
    a.has_bbox = true;
  }
}

Example Dataset::load(size_t index, RngKey key) const {
  const Row& row = rows_.at(index);
  const Photo& photo = annotations_.photos[row.photo];
  const std::filesystem::path file = images_ / photo.file_name;
  Example e;
  e.photo = read_image(file, exif_);
  e.image_id = photo.id;
  e.original = {int(e.photo.dim(0)), int(e.photo.dim(1))};
  check(e.original[0] == photo.height && e.original[1] == photo.width,
        "{}: {} x {} pixels (width x height), but {} says {} x {} for image {}", file.string(), e.original[1],
        e.original[0], annotations_.source, photo.width, photo.height, photo.id);
  for (size_t i : row.objects) {
    const Annotation& a = annotations_.annotations[i];
    for (double x : box_of(a, photo)) e.boxes.push_back(float(x));
    e.labels.push_back(categories_.output(a.category_id));
    e.masks.push_back(to_rle(a, photo));
  }
  return prepare(std::move(e), preparation_, purpose_ == Purpose::training ? std::optional(key) : std::nullopt);
}

}  // namespace sil
