// Annotations and results as pycocotools takes them: ids of any type, other values for iscrowd, and whatever is broken
// where it is not looked at.  Read record by record as Python would, which is slow; for files that
// read_annotations() and read_result_views(), which take what training takes, refuse.
#pragma once
#include <filesystem>
#include <vector>

#include "data/annotations.h"
#include "eval/evaluation.h"

namespace sil {

struct EvaluationFiles {
  Annotations annotations;
  std::vector<Results> results;  // one a file, in their order
  bool lenient = false;          // the readers of data/ refused one of them

  size_t detections() const;
};

// Ids become 64-bit integers; in `options` those asked for become the same, and odd_ids says what they were.  Throws an
// Error that names file and record where pycocotools raises, and where it reads memory that is not its own or does not
// end.
EvaluationFiles read_leniently(const std::filesystem::path& annotations,
                               const std::vector<std::filesystem::path>& results, EvaluationOptions& options);

// The two readers of data/; what they refuse is read leniently.
EvaluationFiles read_for_evaluation(const std::filesystem::path& annotations,
                                    const std::vector<std::filesystem::path>& results, EvaluationOptions& options);

}  // namespace sil
