// What is measured, on what: IoU types, thresholds, areas and limits; an image's objects and detections.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/rle.h"

namespace sil {

// boundary: Boundary IoU (Cheng et al. 2021), the smaller of the overlaps of two masks and of their boundaries; of
// crowds the masks' alone.
enum class IouType { bbox, segm, boundary };

// Where a detection's area comes from.  pycocotools: from the box, under segm too, if the first result of the file has
// one, else from the mask.
enum class AreaOf { box, mask };

struct AreaRange {
  std::string name;
  double low = 0, high = 1e10;  // square pixels, both ends inside
};

// What is measured.
struct Protocol {
  std::vector<double> iou_thresholds;     // T
  std::vector<double> recall_thresholds;  // R
  std::vector<AreaRange> areas;           // A
  std::vector<int64_t> max_detections;    // M, an image and category; the evaluator sorts them
  std::optional<AreaOf> area_of;          // of detections; unset: the evaluator's, as pycocotools decides it
  bool measure_if_no_area = false;        // an object whose annotated area is not above 0 has its measured one
  bool skip_empty_images = false;         // detections in an image without any object do not count

  // .50:.05:.95, 0:.01:1, all/small/medium/large, 1/10/100; thresholds as numpy computes them.
  static Protocol coco();
  // torchmetrics 1.9: thresholds as torch computes them in float32, areas from the mask under segm.
  static Protocol torchmetrics(IouType);
};

struct Truth {
  int64_t id = 0;  // 0 turns its match into a false positive, as in pycocotools
  int64_t category_id = 0;
  std::array<double, 4> bbox{};  // x, y, w, h
  double area = 0;               // as annotated
  double measured_area = 0;      // of the mask, or the box without one
  bool crowd = false;            // ignored: matched without reward or penalty, and more than once
  RleView mask = {};
  bool ignored = false;  // without being a crowd: once
};

struct Found {
  int64_t category_id = 0;
  double score = 0;              // NaN ranks last
  std::array<double, 4> bbox{};  // x, y, w, h
  RleView mask = {};
};

}  // namespace sil
