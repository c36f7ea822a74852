// One image and category: which detection finds which object.  pycocotools' evaluateImg.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "eval/protocol.h"

namespace sil {

// IoU of each detection with each object, [D, G], rows in the order of `found`; replaces what `out` held.
void overlaps(IouType, std::span<const Truth* const> truths, std::span<const Found* const> found,
              std::vector<double>& out);

// Bits of a detection: a * T + t, for area range a and IoU threshold t.
struct Matched {
  uint64_t* matched;  // [D, words]: found an object, whose id is not 0
  uint64_t* ignored;  // [D, words]: neither right nor wrong
  int64_t* objects;   // [A]: objects that count
  size_t words;
};

// Of one protocol.  Holds no state between calls but room for its work.
class Matcher {
 public:
  explicit Matcher(const Protocol&);

  // The detections, one area each, stand best score first.  Bits of `out` must be 0.
  void operator()(std::span<const double> ious, std::span<const Truth* const> truths,
                  std::span<const double> truth_areas, std::span<const double> found_areas, Matched out);

 private:
  // The objects of one area range: those that count first, then the ignored.
  struct Objects {
    std::vector<size_t> order;  // into the image's objects
    size_t counted = 0;
  };
  void order_objects(std::span<const Truth* const>, std::span<const double> areas, const AreaRange&);
  void match(size_t area, size_t threshold, std::span<const double> ious, std::span<const Truth* const>, Matched&);

  std::vector<AreaRange> areas_;
  std::vector<double> least_;  // IoU at each threshold
  double lowest_;              // of these: no detection below it takes an object; -infinity beside a NaN
  Objects objects_;
  std::vector<size_t> near_;   // detections that may take an object
  std::vector<double> reach_;  // the largest IoU of each
  std::vector<uint8_t> taken_;
};

}  // namespace sil
