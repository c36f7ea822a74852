// The numbers of an evaluation: COCO's twelve, a table of classes, torchmetrics' names; as text and as JSON.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "eval/coco_eval.h"

namespace sil {

// pycocotools' summarize().  -1: there was nothing to measure.
struct Summary {
  double AP = -1, AP50 = -1, AP75 = -1, APs = -1, APm = -1, APl = -1;
  double AR1 = -1, AR10 = -1, AR100 = -1, ARs = -1, ARm = -1, ARl = -1;
  // Ours: AP at the largest limit of detections, where that is not the 100 of `AP`.
  std::optional<double> AP_at_largest_max_dets = {};

  static constexpr std::array<const char*, 12> names{"AP",  "AP50", "AP75",  "APs", "APm", "APl",
                                                     "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"};
  std::array<double, 12> values() const { return {AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl}; }
};

struct ClassMetrics {
  int64_t category_id = 0;
  std::string name;
  int64_t objects = 0, detections = 0;  // that were evaluated: crowds and what exceeds the limit per image apart
  std::optional<Summary> bbox, segm, boundary;  // of this category
  std::string odd_id = {};                      // JSON of an id that is no 64-bit integer; category_id stands for it
};

struct Metrics {
  std::optional<Summary> bbox, segm, boundary;
  std::vector<ClassMetrics> per_class;  // by category id
  // torchmetrics 1.9 (class_metrics = True), in its order: name and value, a list for ..._per_class and classes.  Its
  // numbers are float32; bbox_ and segm_ stand before the names when both are measured.
  std::vector<std::pair<std::string, std::vector<double>>> torchmetrics;
};

// All categories, or one (index into Evaluator::categories()).  As in pycocotools AP is of 100 detections an image, the
// others of the first three limits; throws an Error where it raises: fewer limits, no IoU threshold, areas and limits
// repeated so that numpy cannot pair them.
Summary summarise(const Accumulated&, const Protocol&, std::optional<size_t> category = {});

// The same Errors, before there are any numbers; `p` as it was given, limits in any order.
void check_summary(Protocol p);

// numpy.mean of a contiguous float64 array: pairwise sums, to the bit.
double pairwise_mean(std::span<const double>);

// pycocotools' twelve lines in its wording.
std::string summary_text(const Summary&, const Protocol& = Protocol::coco());
// A line a class: name, objects, detections, AP AP50 AP75 of what was measured.
std::string class_table(const Metrics&);

// A key more, and the JSON of its value.
struct JsonBlock {
  std::string key, value;
};

// {"bbox": {...}, "segm": {...}, "boundary": {...}, "per_class": [...], "torchmetrics": {...}} and the blocks; numbers
// with 17 significant digits.
std::string to_json(const Metrics&, std::span<const JsonBlock> = {});
// Written beside, then renamed.
void write_json(const std::filesystem::path&, const Metrics&, std::span<const JsonBlock> = {});

}  // namespace sil
