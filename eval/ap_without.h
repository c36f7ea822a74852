// What each image does to AP: AP of all the others minus AP of all, so above 0 where an image costs AP.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "eval/matches.h"

namespace sil {

// By image.  image_ids: all images, those without objects and detections too.  WeightedAp (bootstrap.h) with a weight
// of 0 says it of one image in as long as this takes for a thousand.
std::vector<double> ap_without_each(const Matches&, std::span<const int64_t> image_ids,
                                    std::vector<double> recall_thresholds);

}  // namespace sil
