// What is wrong with a data set.  `doctor` lists all of it; `train` refuses what stops training before it starts.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/annotations.h"
#include "data/image.h"

namespace sil {

enum class Severity { stops_training, warning };

struct Finding {
  Severity severity = Severity::warning;
  std::string kind;                   // of one wording, to be counted: "unknown image", "crowd", ...
  std::string file;                   // the photo's, or the annotation file's: see file_of
  std::optional<int64_t> annotation;  // its id
  std::string text;                   // what is wrong, given and expected; without file and id

  std::string line() const;  // "<file>: annotation <id>: <text>"
};

// What a photo's findings name: its file, or the annotations' if the photo has no name.
std::string file_of(const Photo&, const std::string& source);

// quick: what a training run checks before it starts, from the records and the photos' headers alone.
// full: masks are rasterised, photos decoded.
enum class Depth { quick, full };

// Stops training: unknown image or category, image or category id twice, polygon of under 3 points, half a point or
// NaN, runs of another size than the photo, a box with NaN, neither outline nor box, nothing to learn from. Warnings:
// annotation id twice, crowds, boxes without area, what lies outside its photo, no outline, photos without objects,
// categories without objects; full: self-crossing polygons, masks without pixels, boxes that disagree with their mask.
std::vector<Finding> check_annotations(const Annotations&, Depth);

// Stops training: photos that have no name, are missing, unreadable, or of another size than the annotations say.
// Warnings: EXIF orientation; full: the same photo twice (equal bytes).  Runs on all threads.
std::vector<Finding> check_photos(const Annotations&, const std::filesystem::path& photos, Depth, Exif = Exif::ignore);

// What a Dataset for validation refuses beside the above stops training: category ids that mean something else in val,
// annotations of categories that train lacks.  Warnings: photos that are in both sets (equal bytes), categories without
// annotations that train lacks.
std::vector<Finding> check_split(const Annotations& train, const std::filesystem::path& train_photos,
                                 const Annotations& val, const std::filesystem::path& val_photos);

// How far boxes may lie apart from what they box before they are a finding, in pixels.  Outside the photo: COCO's own
// boxes end this far beyond.  From the mask: one pixel for rounding, one for corners drawn on a pixel's other side, and
// for large objects 2 % of the longer side.
constexpr double kBeyondPhoto = 0.5;
inline double beside_mask(double width, double height) { return 2 + 0.02 * (width > height ? width : height); }

// Reader's faults as findings; they stop training.
std::vector<Finding> as_findings(const std::vector<Fault>&);

// Throws an Error with the first that stops training and the count of the others.
void refuse_broken(const std::vector<Finding>&);

struct ClassCount {
  Category category;
  int64_t objects = 0, photos = 0, crowds = 0;  // crowds are not among the objects
};
std::vector<ClassCount> class_balance(const Annotations&);

// Whether two edges of the outline cross each other, other than by touching.  Coordinates are finite.
bool self_crossing(const Polygon&);

}  // namespace sil
