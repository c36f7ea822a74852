// Why the numbers of one IoU type are what they are: TIDE's errors, each class with its best score threshold, which
// class is taken for which, and whether scores are probabilities.  All at IoU .5; docs/explain.md says what each means.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/calibration.h"
#include "eval/causes.h"
#include "eval/confusion.h"
#include "eval/score_threshold.h"
#include "eval/tide.h"

namespace sil {

struct ExplainedClass {
  int64_t category_id = 0;
  std::string name;
  int64_t objects = 0, detections = 0;
  double AP = -1, AP50 = -1, AP75 = -1;
  std::optional<ScoreThreshold> best;
};

struct Explanation {
  std::string type;  // "bbox", "segm"
  Tide tide;
  std::vector<ExplainedClass> classes;  // by category id
  Confusion confusion{{}};              // the same classes
  Calibration calibration;
};

// `evaluator` has seen these detections.  The IoUs of all pairs are computed anew, as other classes' are needed here.
// Throws an Error if IoU .5 is not among its thresholds.  The same numbers for any number of threads.
Explanation explain(const Annotations&, std::span<const Detection>, const Evaluator& evaluator);
// The same from the pairs of each row of annotations.photos, by whom they are at hand.  Of a photo's detections the
// best 100 count.
Explanation explain(const Annotations&, std::span<const Pairs>, const Evaluator& evaluator);

// The rows of annotations.photos that take part: of photos with one id the last stands for all.
std::vector<size_t> photo_rows(const Annotations&);

// How two results compare over the same images (bootstrap.h).
struct Compared {
  std::string type;           // "bbox", "segm"
  std::string first, second;  // the files
  double first_AP = -1, second_AP = -1;
  double low = 0, high = 0;  // 95 % of the samples have second - first in here
  double above = 0;          // share of them with second above first
  int samples = 0;
};

// `contenders` have all images of `annotations`; the first is what the others are compared with.
std::vector<Compared> compare(const Annotations&, std::span<const Evaluator* const> contenders,
                              std::span<const std::string> names, int samples, uint64_t seed);

// To read.  The confusion matrix is written out up to 12 classes, beyond that its largest entries.
std::string to_text(std::span<const Cause>);
std::string to_text(const Explanation&);
std::string to_text(std::span<const Compared>);

// {"causes": [...], "bbox": {...}, "segm": {...}} and [{...}, ...]
std::string to_json(std::span<const Cause>, std::span<const Explanation>);
std::string to_json(std::span<const Compared>);

}  // namespace sil
