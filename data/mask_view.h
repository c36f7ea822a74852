// A mask where it lies: neither copied nor decoded until someone compares its pixels.
#pragma once
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "data/annotations.h"

namespace sil {

// Compressed counts as they stand in a JSON text, each backslash twice.
struct RleText {
  std::string_view counts;
  uint32_t height = 0, width = 0;
};

using MaskView = std::variant<std::monostate, const std::vector<Polygon>*, const Rle*, RleText>;

MaskView view(const Segmentation&);

// Appends the runs to those of other masks.  Throws an Error for counts that are unsound or escaped in another way;
// those that were read from a file (results.h) are neither.
void append_runs(const RleText&, std::vector<uint32_t>& counts);
Rle to_rle(const RleText&);

}  // namespace sil
