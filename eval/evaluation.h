// Annotations and detections as they come from files or a model, evaluated: bbox, segm and boundary, in COCO's and
// torchmetrics' terms.  What pycocotools ignores silently is ignored here too, and counted in warnings().
//
//   Evaluation evaluation(annotations);
//   for (...) evaluation.add(image_id, detections);   // std::vector<Detection> of that image
//   evaluation.add_rest();                            // photos without detections
//   Metrics m = evaluation.metrics();                 // m.segm->AP, m.bbox->AP50, m.per_class ...
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "data/annotations.h"
#include "data/results.h"
#include "eval/coco_eval.h"
#include "eval/metrics.h"

namespace sil {

struct EvaluationOptions {
  bool bbox = true, segm = true, boundary = false;
  bool torchmetrics = true;  // their numbers of bbox and segm beside COCO's
  Protocol protocol = Protocol::coco();
  // Ids of what is measured; unset: all of the annotations'.  As in pycocotools, annotations of an image or a category
  // that the file does not list count if they are named here.
  std::optional<std::vector<int64_t>> categories = {}, images = {};
  std::map<int64_t, std::string> odd_ids =
      {};                   // JSON of categories whose id is no 64-bit integer, by the one in its place
  bool odd_images = false;  // the lenient reader's: images have other ids in the file
  // The lenient reader's: categories that pycocotools loads, whether it then finds them by their ids or not.
  std::unordered_set<int64_t> loaded_categories = {};
  bool class_agnostic = false;  // whatever the category: pycocotools' useCats = 0.  All are category -1 then

  bool masks() const { return segm || boundary; }
};

// What was measured so far: all that the numbers need, without annotations and masks.
struct Measured {
  std::optional<Evaluator> bbox, segm, boundary;
  std::vector<std::string> class_names;  // of Evaluator::categories()
  std::vector<std::string> odd_ids;      // the same: as EvaluationOptions::odd_ids, "" for an id that is no odd one
  bool torchmetrics = true;              // the second and third protocol are theirs
  bool has_images = false;
  int64_t objects = 0, detections = 0;  // of known categories, crowds too
  int64_t unknown_category = 0;         // detections of the others

  Metrics metrics() const;
  // Another part of the same data set, as Evaluator::merge.
  void merge(Measured);
  const Evaluator& any() const { return bbox ? *bbox : segm ? *segm : *boundary; }
  std::array<std::optional<Evaluator>*, 3> all() { return {&bbox, &segm, &boundary}; }
};

class ImageCase;

class Evaluation {
 public:
  // `annotations` must outlive this and have been index()ed.  Throws an Error that names file and annotation where
  // pycocotools raises (under segm and boundary an object without segmentation, for one).
  explicit Evaluation(const Annotations& annotations, EvaluationOptions = {});

  // All detections of one image, in their order; an image once.  A detection without box gets its mask's, one without
  // mask its box as a rectangle, where pycocotools does so.  Not thread-safe.
  void add(int64_t image_id, std::span<const Detection>);

  // Whole results files, one after the other, over threads: the images that were not added yet, with what the files
  // have for them.  Detections of images that `annotations` does not have are an Error, those of images that are not
  // measured are left out.  The same bits for any number of threads.
  void add_all(std::span<const Results>);
  void add_all(std::span<const Detection>);
  // The images that were not added yet, without detections.
  void add_rest() { add_all(std::span<const Results>()); }

  // What pycocotools reads off the first result of all; the first that is added decides unless the caller has.
  void set_area_of(AreaOf);

  // Another part of the same data set, over other images.
  void merge(Evaluation other);

  Metrics metrics() const { return measured_.metrics(); }  // of what was added so far
  const Measured& measured() const { return measured_; }

  const std::optional<Evaluator>& bbox() const { return measured_.bbox; }
  const std::optional<Evaluator>& segm() const { return measured_.segm; }
  const std::optional<Evaluator>& boundary() const { return measured_.boundary; }

  // One line each: what was ignored or repaired, with a count and the first case.
  std::vector<std::string> warnings() const;

 private:
  struct Plan;  // which images, objects and categories count; shared by the workers of add_all

  struct Sorted;
  Measured nothing_measured() const;
  Sorted sort_by_image(std::span<const Results::List* const>,
                       const std::function<std::string(const DetectionView&)>& place) const;
  void add_image(size_t index, std::span<const DetectionView* const>, ImageCase&, Measured& to) const;

  const Annotations* annotations_;
  EvaluationOptions options_;
  std::shared_ptr<const Plan> plan_;
  Measured measured_;
  std::optional<AreaOf> area_of_;
  std::vector<std::string> warnings_;  // about the annotations
};

// Throws an Error that names file and record if a detection's photo is not in `annotations`.
void check_photos(const Annotations&, const Results&);

}  // namespace sil
