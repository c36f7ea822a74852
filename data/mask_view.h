// A mask where it lies: neither copied nor decoded until someone compares its pixels.
#pragma once
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "data/annotations.h"

namespace sil {

// Compressed counts as they stand in a JSON text: each backslash twice, the closing quote behind the last.  They are
// sound: read_counts found that they sum to height * width.
struct RleText {
  std::string_view counts;
  uint32_t height = 0, width = 0;
};

using MaskView = std::variant<std::monostate, const std::vector<Polygon>*, const Rle*, RleText>;

MaskView view(const Segmentation&);

// The counts that begin at `at`, after a quote, and end where `at` is left, at the closing one.  Their sum; -1 for what
// is unsound, is escaped in another way or holds a run of 2^30 pixels or more: from_string knows about those.
int64_t read_counts(const char*& at);
Rle to_rle(const RleText&);
// Appends the runs to those of other masks.
void append_runs(const RleText&, std::vector<uint32_t>& counts);

}  // namespace sil
