// The objects and detections of one image in the evaluator's form: polygons rasterised, the masks that are looked at
// decoded.
#pragma once
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "data/annotations.h"
#include "data/results.h"
#include "eval/evaluation.h"

namespace sil {

// Where a detection stands, for messages: "results.json: record 3: ".
using Place = std::function<std::string(const DetectionView&)>;

// What pycocotools asks of every detection, measured or not.  Throws an Error that names the detection.
void check_form(const DetectionView&, AreaOf source, const Place&);

// One image after the other; its room is used again.
class ImageCase {
 public:
  // All must outlive this.
  ImageCase(const Annotations& a, const EvaluationOptions& options, const Place& place)
      : a_(a), options_(options), place_(place) {}

  // photo: null if the annotations alone name the image.
  void start(const Photo* photo);
  // measured: its category is, so its box is looked at; its mask is anyway.
  void add_truth(const Annotation&, bool measured);
  // After the objects.  source: where areas of detections come from; loaded: pycocotools makes masks of its category.
  void add_found(const DetectionView&, AreaOf source, bool loaded);
  void finish();

  // After finish(); they view what is in here.
  std::vector<Truth> truths;
  std::vector<Found> found;

 private:
  struct Decoded {
    size_t detection, begin, end;  // its runs in runs_
  };

  bool is_compared(const DetectionView&, AreaOf source) const;
  RleView own(Rle mask) { return owned_.emplace_back(std::move(mask)); }
  RleView runs_of(const MaskView&);
  double area_of(const Annotation&);
  RleView mask_or_box(const DetectionView&);

  const Annotations& a_;
  const EvaluationOptions& options_;
  const Place& place_;
  const Photo* photo_ = nullptr;
  std::deque<Rle> owned_;
  std::vector<uint32_t> runs_;  // of all masks that were decoded
  std::vector<Decoded> decoded_;
  std::vector<int64_t> categories_;  // of the objects
};

}  // namespace sil
