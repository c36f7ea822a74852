// Whether two dumps of stages are the same up to rounding.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "models/stages.h"

namespace sil {

struct StageDiff {
  std::string name;
  std::optional<double> error;  // relative L2 error, |want - got| / |want|; of a curve the worst step's; none where
                                // rows are counted
  double tolerance = 0;
  bool beyond = false;
  std::string text;  // "relative L2 error 1.2e-06", "99.80% of the rows found, 1000 rows for 1000", "missing"
};

// One entry for each stage of `want`, by name.  Rounding may swap neighbours in a ranking, so rows of proposals and
// detections are matched as sets: 99 % and 98 % must find their row, the counts may differ by 1 %, at least by one;
// what is computed for detections is compared on the rows that were found.  The tolerance is rtol, ten times that for
// mask logits, masks and curves, thirty times for gradients, a hundred times for what moved.
std::vector<StageDiff> diff_stages(const Stages& want, const Stages& got, double rtol);

}  // namespace sil
