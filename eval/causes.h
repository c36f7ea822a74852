// Why AP is 0, -1 or far too low, in words: the slips that annotations and results are made with.  A cause is named
// only on evidence that a sound file does not give: read differently, far more of the objects are found.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "data/annotations.h"
#include "eval/coco_eval.h"

namespace sil {

struct Cause {
  // nothing | crowds | detection_limits | image_ids | boxes | annotation_boxes | category_ids | mask_sizes | no_masks
  std::string name;
  std::string text;  // a sentence
};

// Of detections whose images are all known.  `types`: what was measured.
std::vector<Cause> causes(const Annotations&, std::span<const Detection>, const Protocol&,
                          std::span<const IouType> types);

// What is to be said of detections of unknown images, pycocotools' error: how many, which ids both sides have, a guess.
// Empty if all are known.
std::string unknown_images(const Annotations&, std::span<const Detection>);

}  // namespace sil
