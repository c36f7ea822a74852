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
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/annotations.h"
#include "eval/coco_eval.h"
#include "eval/metrics.h"

namespace sil {

struct EvaluationOptions {
  bool bbox = true, segm = true, boundary = false;
  bool torchmetrics = true;  // their numbers of bbox and segm beside COCO's

  bool masks() const { return segm || boundary; }
};

class Evaluation {
 public:
  // `annotations` must outlive this and have been index()ed.  Throws an Error that names file and annotation where
  // pycocotools raises (under segm and boundary an object without segmentation, for one).
  explicit Evaluation(const Annotations& annotations, EvaluationOptions = {});

  // All detections of one photo, in their order; a photo once.  A detection without box gets its mask's, one without
  // mask its box as a rectangle, where pycocotools does so.  Not thread-safe.
  void add(int64_t image_id, std::span<const Detection>);

  // A whole results file, over threads: the photos of `annotations` that were not added yet, with what `detections` has
  // for them.  Detections of unknown photos are an Error.  The same bits for any number of threads.
  void add_all(std::span<const Detection> detections);
  // The photos that were not added yet, without detections.
  void add_rest() { add_all({}); }

  // What pycocotools reads off the first result of all; the first that is added decides unless the caller has.
  void set_area_of(AreaOf);

  // Another part of the same data set, over other photos.
  void merge(const Evaluation& other);

  Metrics metrics() const;  // of what was added so far

  const std::optional<Evaluator>& bbox() const { return bbox_; }
  const std::optional<Evaluator>& segm() const { return segm_; }
  const std::optional<Evaluator>& boundary() const { return boundary_; }

  // One line each: what was ignored or repaired, with a count and the first case.
  std::vector<std::string> warnings() const;

 private:
  Evaluation empty() const;  // a part of the same data set
  void add_photo(size_t row, std::span<const Detection* const>);
  const Evaluator& any() const { return bbox_ ? *bbox_ : segm_ ? *segm_ : *boundary_; }
  std::array<std::optional<Evaluator>*, 3> all() { return {&bbox_, &segm_, &boundary_}; }

  const Annotations* annotations_;
  EvaluationOptions options_;
  std::optional<Evaluator> bbox_, segm_, boundary_;
  // Annotations that count, by photo row, as pycocotools' loader orders them; shared by the workers of add_all.
  std::shared_ptr<const std::vector<std::vector<size_t>>> truths_;
  std::optional<AreaOf> area_of_;
  std::vector<std::string> warnings_;     // about the annotations
  int64_t objects_ = 0, detections_ = 0;  // of known categories, crowds too
  int64_t unknown_category_ = 0;          // detections of the others
};

// Throws an Error that names file and record if a detection's photo is not in `annotations`.
void check_photos(const Annotations&, std::span<const Detection>, const std::string& source);

}  // namespace sil
