// COCO's annotation file.  read_annotations calls this for what is not a folder.
#pragma once
#include "data/annotations.h"

namespace sil {

Annotations read_coco(const std::filesystem::path&, std::vector<Fault>* faults);

}  // namespace sil
