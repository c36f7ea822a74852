// A data set's annotations, whichever format they come from: COCO JSON or a label-schema folder.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "data/image.h"
#include "data/rle.h"

namespace sil {

struct Category {
  int64_t id = 0;
  std::string name, supercategory;
};

struct Photo {
  int64_t id = 0;
  std::string file_name;  // relative to the folder of photos
  int width = 0, height = 0;
};

// As annotated: polygons in parts, or runs; nothing is rasterised until pixels are needed.
using Segmentation = std::variant<std::monostate, std::vector<Polygon>, Rle>;

struct Annotation {
  int64_t id = 0, image_id = 0, category_id = 0;
  std::array<double, 4> bbox{};  // x, y, w, h
  double area = 0;
  bool crowd = false;
  bool ignored =
      false;  // by an iscrowd that is true but not 1, such as 0.5; only the evaluator's lenient reader sets it
  bool has_bbox = false, has_area = false;
  int32_t instance = -1;  // of a label folder: its place in its file, from 0; its id stands in no file
  Segmentation segmentation;
};

// "instance [1] of labels/b.json" of a label folder's annotation, whose photo this is; else empty.
std::string place_of(const Annotation&, const Photo&);
// "annotation 41", or "annotation 4, instance [1] of labels/b.json".
std::string record_of(const Annotation&, const Photo&);

struct Annotations {
  std::string source;                   // the file or folder, for messages
  std::vector<Photo> photos;            // in the file's order
  std::vector<Annotation> annotations;  // in the file's order
  std::vector<Category> categories;
  std::vector<std::filesystem::path> files;  // all that were read: the JSON; or labels, masks and photos
  std::map<size_t, std::string> unusable;    // by row, what is wrong with annotations that the lenient reader let pass

  // Row numbers, built by index().
  std::unordered_map<int64_t, size_t> photo_row;  // by image id; of duplicates the last, as pycocotools
  std::unordered_map<int64_t, size_t> category_row;
  std::vector<std::vector<size_t>> by_photo;  // annotations of photos[i], in the file's order
  void index();
};

// One record that cannot be used as it stands, in a file that is sound otherwise.
struct Fault {
  std::string file;                   // the photo's, where there is one
  std::optional<int64_t> annotation;  // its id
  std::string text;                   // the whole line: file, record, key, given, expected
};

// A .json file is COCO, a folder the label schema (images/, labels/<stem>.json; design section 7).  Structure alone is
// checked here (JSON, types, lengths); what that means for training, evaluation and doctor they decide.
// Errors name file, record (annotation id or index) and key.  With `faults`, wrong records, and label files that are
// none, are listed there and left out instead of thrown; a COCO file that is not JSON at all is thrown even so.  The
// label schema's photos have the size that they have with `exif`: its outlines are drawn on them as they are seen so.
Annotations read_annotations(const std::filesystem::path&, std::vector<Fault>* faults = nullptr,
                             Exif exif = Exif::ignore);

enum class RleKind { compressed, uncompressed };  // a string, or a list of counts

// Written beside, then renamed.
void write_coco(const std::filesystem::path&, const Annotations&, RleKind = RleKind::compressed);

// Pixels of an annotation on its photo: polygons rasterised, runs as they are, nothing (or an empty list): its box.
// Throws an Error that names the annotation if a polygon has under 3 points, half a point or NaN, or the runs do not
// fit.
Rle to_rle(const Annotation&, const Photo&);

// A detection of a results file, or of the model.
struct Detection {
  int64_t image_id = 0, category_id = 0;
  double score = 0;
  std::array<double, 4> bbox{};  // x, y, w, h
  bool has_bbox = false;
  Segmentation segmentation;
};

std::vector<Detection> read_results(const std::filesystem::path&);
// COCO results: compressed RLE, numbers that read back to the bit.  `photos` (may be null) adds file_name to each
// record.
void write_results(const std::filesystem::path&, const std::vector<Detection>&, const Annotations* photos);

}  // namespace sil
