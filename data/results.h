// A results file as the evaluator takes it: an array of detections, none of them copied or decoded.
//
//   const Results results = read_result_views("detections.json");
//   evaluation.add_all(results);
#pragma once
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/annotations.h"
#include "data/file_text.h"
#include "data/mask_view.h"

namespace sil {

// What it views must outlive it: a Detection, or Results.
struct DetectionView {
  int64_t image_id = 0, category_id = 0;
  double score = 0;
  std::array<double, 4> bbox{};  // x, y, w, h
  MaskView mask;
  bool has_bbox = false;
};

DetectionView view(const Detection&);

struct Results {
  // Detections, and the masks that do not lie in the text as RleText: polygons and uncompressed runs.
  struct List {
    std::vector<DetectionView> detections;
    std::vector<std::unique_ptr<Segmentation>> masks;
  };

  std::string source;  // the file, for messages
  FileText text;
  std::vector<List> lists;  // one after the other, the file's order

  size_t size() const;
};

// Structure and masks are checked; errors name the record.
Results read_result_views(const std::filesystem::path&);

}  // namespace sil
