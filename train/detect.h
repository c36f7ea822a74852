// A model run over photos, one at a time, so that what it finds in one does not hang on its neighbours' sizes.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "models/mask_rcnn.h"

namespace sil {

// In COCO's terms.  Outputs that stand for no category are left out.
std::vector<Detection> to_detections(const PhotoDetections&, int64_t image_id, const CategoryTable&);

// Calls `found` with each photo's place in the dataset and its detections, in order.  A photo that cannot be loaded
// goes to `bad` with its message instead, and the rest goes on; without `bad` the Error is thrown.
using OnFound = std::function<void(size_t index, std::vector<Detection>)>;
using OnBad = std::function<void(size_t index, const std::string& message)>;
void detect_all(MaskRcnn&, const Dataset&, const OnFound& found, const OnBad& bad = {});

}  // namespace sil
