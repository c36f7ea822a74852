// The label schema: a folder with images/, labels/<photo's stem>.json (an array of instances) and, if used, mask files.
//   {"type": "instance", "class_id": 3, "class_name": "fig", "bbox": [x, y, w, h], "mask_path" or "polygon": ...}
// mask_path is relative to the folder, a picture of two values, 0 outside; polygon is [x, y, x, y, ...] or [[x, y],
// ...]; bbox may be missing.
#pragma once
#include "data/annotations.h"

namespace sil {

// Photos have ids from 1 by sorted file name, instances from 1 in that order; area is the mask's pixels, iscrowd 0.  A
// photo without a label file has no objects.  read_annotations calls this for a folder.
Annotations read_labels(const std::filesystem::path& folder, std::vector<Fault>* faults, Exif);

// Something of a COCO data set that the schema has no place for.
struct Loss {
  std::optional<int64_t> annotation;
  std::string text;
  bool crowd = false;
};

// Writes labels/ and masks/ and copies the photos to images/.  One polygon stays a polygon; parts and runs become a
// mask file, equal to the pixel.  Returns what could not be kept, crowds first, then by annotation id.  Throws if a
// photo is missing, unreadable or of another size, two have one stem, or `folder` exists already and is not empty;
// nothing is left half-written.
std::vector<Loss> write_labels(const std::filesystem::path& folder, const Annotations&,
                               const std::filesystem::path& photos);

}  // namespace sil
