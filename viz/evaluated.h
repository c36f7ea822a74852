// A results file beside its data set, as the Evaluation page reads it (compare viz/gallery.h).  Every number comes from
// eval/; what a page matches anew at other thresholds it matches by itself, from the overlaps given here.
//
//   summary              JSON: name, number of detections, metrics, likely causes of them, warnings
//   detections           bytes, see detections()
//   overlaps/<type>      bytes: which detection of a class meets which of its objects
//   confusion/<type>     bytes: the photos behind each cell of the matrix
//   curves/<type>        bytes: precision over recall
//   losses/<type>        JSON: by photo, AP without it minus AP; null where it takes no part
//   explanation/<type>   JSON: as `evaluate --explain` has it
//   objects/<row>        JSON: one photo's detections with exact outlines
//   outlines/<row>       JSON: box and coarse outline of each
//
// types: bbox, segm.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "eval/evaluation.h"
#include "eval/explanation.h"
#include "eval/pairs.h"
#include "viz/gallery.h"

namespace sil {

class Evaluated {
 public:
  // `detections` in their file's order, of photos that `gallery` has; it must outlive this.  `name`: the file's.
  Evaluated(const Gallery& gallery, std::string name, std::vector<Detection> detections);
  Evaluated(Evaluated&&) noexcept;
  ~Evaluated();

  // The text or bytes under a name; null if there is none.  What is of all photos is made when it is first asked for
  // and kept; others who ask meanwhile wait.  Thread-safe.
  struct Item {
    bool binary = false;
    std::shared_ptr<const std::string> bytes;
  };
  std::unique_ptr<Item> get(const std::string& name);
  // All that there is besides that of single photos.
  std::vector<std::string> names_of_all_photos();

 private:
  struct Measured;
  struct Whole {
    std::string name;
    bool binary;
    std::function<std::string()> make;
  };
  std::vector<Whole> of_all_photos();
  const Evaluation& evaluation();
  const Evaluator& evaluator(const std::string& type);
  const std::vector<Pairs>& pairs(const std::string& type);
  const Explanation& explanation(const std::string& type);
  const Detection& ranked(size_t i) const { return detections_[order_[i]]; }
  std::string summary();
  // float64 score [D]; uint32 first detection of each photo and D [P + 1]; uint16 category [D], as in
  // Gallery::columns; uint8 [D]: 1 for a box whose area is in none of COCO's ranges.  Photo by photo, best score first.
  std::string detections() const;
  // float64 IoU [M]; uint32 first pair of each detection and M [D + 1]; uint32 object [M], counted over all photos.
  // Pairs of one class with an IoU above 0; with a crowd the share of the detection that it covers.
  std::string overlaps(const std::string& type);
  // uint32 row of the photo [M]; uint16 truth and found [M], as eval/confusion.h.
  std::string confusion(const std::string& type);
  // float32 [T, R, K]: of all areas, at the largest limit of detections.
  std::string curves(const std::string& type);
  std::string losses(const std::string& type);
  std::string objects(size_t row) const;
  std::string outlines(size_t row) const;

  const Gallery* gallery_;
  std::string name_;
  bool area_of_box_ = false;           // the first record of the file has a box: pycocotools' areas are boxes'
  std::vector<Detection> detections_;  // in the file's order
  std::vector<uint32_t> order_;        // of them, by photo, then as pairs_of ranks them
  std::vector<size_t> first_;          // [P + 1], in order_
  std::unique_ptr<Measured> measured_;
};

}  // namespace sil
