#include "data/annotations.h"

#include <cmath>

#include "data/coco_json.h"
#include "data/label_schema.h"
#include "tensor/check.h"

namespace sil {

std::string place_of(const Annotation& a, const Photo& photo) {
  if (a.instance < 0) return {};
  return fmt::format("instance [{}] of labels/{}.json", a.instance,
                     std::filesystem::path(photo.file_name).stem().string());
}

std::string record_of(const Annotation& a, const Photo& photo) {
  const std::string place = place_of(a, photo);
  return fmt::format("annotation {}{}{}", a.id, place.empty() ? "" : ", ", place);
}

void Annotations::index() {
  photo_row.clear();
  category_row.clear();
  by_photo.assign(photos.size(), {});
  for (size_t i = 0; i < photos.size(); ++i) photo_row[photos[i].id] = i;
  for (size_t i = 0; i < categories.size(); ++i) category_row[categories[i].id] = i;
  for (size_t i = 0; i < annotations.size(); ++i)
    if (const auto row = photo_row.find(annotations[i].image_id); row != photo_row.end())
      by_photo[row->second].push_back(i);
}

Annotations read_annotations(const std::filesystem::path& path, std::vector<Fault>* faults, Exif exif) {
  std::error_code ignored;
  const bool labels = std::filesystem::is_directory(path, ignored);
  Annotations all = labels ? read_labels(path, faults, exif) : read_coco(path, faults);
  if (!labels) all.files = {path};
  all.source = path.string();
  all.index();
  return all;
}

namespace {

Rle rasterise_parts(const std::vector<Polygon>& parts, const Photo& photo) {
  for (size_t i = 0; i < parts.size(); ++i) {
    check(parts[i].size() % 2 == 0, "polygon {} has {} coordinates; pairs of x, y expected", i, parts[i].size());
    check(parts[i].size() >= 6, "polygon {} has {} points; 3 or more expected", i, parts[i].size() / 2);
  }
  return rasterise(parts, photo.height, photo.width);
}

Rle pixels(const Annotation& annotation, const Photo& photo) {
  if (const auto* mask = std::get_if<Rle>(&annotation.segmentation)) {
    validate(*mask);
    check(mask->height == photo.height && mask->width == photo.width,
          "mask is {} x {}, its photo {} x {} (height x width)", mask->height, mask->width, photo.height, photo.width);
    return *mask;
  }
  const auto* parts = std::get_if<std::vector<Polygon>>(&annotation.segmentation);
  if (parts && !parts->empty()) return rasterise_parts(*parts, photo);
  check(annotation.has_bbox, "has neither segmentation nor bbox");
  return rectangle(annotation.bbox, photo.height, photo.width);
}

}  // namespace

Rle to_rle(const Annotation& annotation, const Photo& photo) {
  try {
    return pixels(annotation, photo);
  } catch (const Error& e) {
    fail("{}: {}: {}", photo.file_name, record_of(annotation, photo), e.what());
  }
}

}  // namespace sil
