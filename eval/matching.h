// One image and category: which detection finds which object.  pycocotools' evaluateImg.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "eval/coco_eval.h"

namespace sil {

// IoU of each detection with each object, [D, G], rows in the order of `found`.
std::vector<double> overlaps(IouType, std::span<const Truth* const> truths, std::span<const Found* const> found);

// Bits of a detection: a * T + t, for area range a and IoU threshold t.
struct Matched {
  uint64_t* matched;  // [D, words]: found an object, whose id is not 0
  uint64_t* ignored;  // [D, words]: neither right nor wrong
  int64_t* objects;   // [A]: objects that count
  size_t words;
};

// found: best score first.  truth_areas and found_areas: as the protocol has them.  Bits of `out` must be 0.
void match(const Protocol&, std::span<const double> ious, std::span<const Truth* const> truths,
           std::span<const double> truth_areas, std::span<const double> found_areas, Matched out);

}  // namespace sil
