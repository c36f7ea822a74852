// Detections as the evaluator takes them, neither copied nor decoded: a results file's, or a model's.
//
//   const Results results = read_result_views("detections.json");
//   evaluation.add_all({&results, 1});
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/annotations.h"
#include "data/file_text.h"
#include "data/huge_pages.h"
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
  struct List {
    std::vector<DetectionView, HugePages<DetectionView>> detections;
    std::vector<std::unique_ptr<Segmentation>> masks;  // of theirs what does not lie in a text
    size_t bytes = 0;                                  // of text that this is read from
    bool odd = false;                                  // has what pycocotools may take otherwise than it reads here

    void add(Detection);  // and its mask
  };

  std::string source;  // the file, for messages
  std::optional<FileText> text;
  std::vector<List> lists;  // one after the other, the file's order

  size_t size() const;
  bool odd() const;  // any of the lists is
};

// Of detections that outlive them.
Results view(std::span<const Detection>, std::string source);

// Structure and masks are checked; errors name the record.
Results read_result_views(const std::filesystem::path&);

// Copies, masks decoded.
std::vector<Detection> to_detections(std::span<const Results>);

}  // namespace sil
