// Which detections were right, class by class: what an evaluator keeps, as plain data for all that is computed from it
// besides AP (score_threshold.h, calibration.h, bootstrap.h).
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sil {

struct Matches {
  struct Row {  // a detection
    int64_t image_id = 0;
    double score = 0;
    uint64_t right = 0;    // bit t: found an object that counts, at iou_thresholds[t]
    uint64_t ignored = 0;  // bit t: neither right nor wrong (a crowd's, for one)
  };
  struct Class {
    int64_t category_id = 0;
    std::vector<Row> rows;                             // best score first, as AP ranks them
    std::vector<std::pair<int64_t, int64_t>> objects;  // image id, how many objects of it count
    int64_t object_count() const;
  };
  std::vector<double> iou_thresholds;  // at most 64
  std::vector<Class> classes;          // by category id

  size_t threshold(double iou) const;  // its index; throws an Error if it was not measured
};

}  // namespace sil
