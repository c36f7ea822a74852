// An object, annotated or detected, as the pages read it.
#pragma once
#include <array>
#include <string>

#include "data/annotations.h"

namespace sil {

constexpr int kThumbnail = 320;  // pixels of a thumbnail's longer side

std::string json_or_null(double);  // JSON knows neither NaN nor infinity
std::string list(const std::array<double, 4>&);

// `,"area":...` and what else MaskFacts has, and the exact `path`; of a mask that cannot be made, `,"fault":` and why.
std::string mask_json(const Annotation&, const Photo&);
// The path for a thumbnail; empty for a mask that cannot be made.
std::string thumbnail_path(const Annotation&, const Photo&);

}  // namespace sil
