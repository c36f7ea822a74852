// Whether scores are probabilities: of the detections with a score about 0.8, are 80 % right?
#pragma once
#include <array>
#include <cstdint>

#include "eval/matches.h"

namespace sil {

struct Calibration {
  struct Bin {  // scores in [low, high), the last with 1
    double low = 0, high = 0;
    int64_t detections = 0;
    double score = 0, precision = 0;  // mean score, share that is right; 0 without detections
  };
  std::array<Bin, 10> bins;
  // Expected calibration error: sum over bins of |precision - mean score|, each with the bin's share of the detections.
  // Guo et al. 2017, equation 3.
  double ece = 0;
  int64_t detections = 0;  // in the bins
  int64_t outside = 0;     // with a score below 0, above 1 or NaN: in no bin
};

// Over all classes at one IoU threshold (its index); ignored detections do not count.
Calibration calibration(const Matches&, size_t threshold);

}  // namespace sil
