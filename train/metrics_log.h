// A run's log: one JSON object a line, a line a step or validation, in RUN/log.jsonl.
//
//   {"step": 12, "epoch": 0.96, "rate": 0.0002, "losses": {"rpn_objectness": 0.69, ...}, "loss": 5.1,
//    "gradient_norm": 8.2, "seconds": 1.9, "images_per_second": 2.1}
//   {"step": 60, "epoch": 4.8, "validation": {"segm": {"AP": 0.1, "AP50": 0.3}, "bbox": {...}, "losses": {...},
//    "loss": 3.0, "per_class": [{"name": "fig", "segm_AP": 0.1, "segm_AP50": 0.3, "bbox_AP50": 0.4}]}}
//
// `seconds` is forward, backward and optimizer; `images_per_second` counts loading too.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>

#include "eval/metrics.h"
#include "models/mask_rcnn.h"

namespace sil {

using LossValues = std::array<double, kLossNames.size()>;
LossValues values(const Losses&);
double total(const LossValues&);

struct StepRecord {
  int64_t step = 0;  // counted from 1
  double epoch = 0, rate = 0;
  LossValues losses{};
  double gradient_norm = -1;  // before clipping; below 0: not measured
  double seconds = 0, images_per_second = 0;
};

struct ValidationRecord {
  int64_t step = 0;
  double epoch = 0;
  LossValues losses{};
  Metrics metrics;
};

class MetricsLog {
 public:
  // Goes on behind the lines of steps up to `last_step`; what stood after them (a run that was cut off) is dropped.
  // A pipe in the log's place is an Error: it would be waited for.
  MetricsLog(std::filesystem::path, int64_t last_step);

  void push(const StepRecord&);
  void push(const ValidationRecord&);

 private:
  void write(const std::string& line);
  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace sil
