// One photo's detections and objects and how much each pair overlaps, whatever the classes: what the confusion matrix
// and TIDE's errors are read from.  AP needs less (eval/matching.h: only pairs of one class).
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "data/annotations.h"
#include "eval/coco_eval.h"

namespace sil {

struct Pairs {
  struct Object {
    int64_t category_id = 0;
    bool crowd = false;
  };
  struct Row {  // a detection
    int64_t category_id = 0;
    double score = 0;
  };
  std::vector<Object> objects;  // G, in the file's order
  std::vector<Row> detections;  // D, best score first, equals in the file's order
  std::vector<double> ious;     // [D, G]; with a crowd the share of the detection that it covers

  double iou(size_t detection, size_t object) const { return ious[detection * objects.size() + object]; }
};

constexpr size_t kTideDetections = 100;  // the best of a photo, of all classes together, that TIDE takes

// Of one row of annotations.photos, the best `most` detections.  Unknown categories take part.  Masks as the evaluator
// has them: a detection without one is its box.
Pairs pairs_of(IouType, const Annotations&, size_t photo_row, std::span<const Detection* const>,
               size_t most = kTideDetections);

Pairs best_of(Pairs, size_t most = kTideDetections);

// The box a detection is measured by: its own, or its mask's.
std::array<double, 4> box_of(const Detection&);

}  // namespace sil
