#include "data/mask_view.h"

#include <string>

#include "tensor/check.h"

namespace sil {

MaskView view(const Segmentation& s) {
  if (const auto* mask = std::get_if<Rle>(&s)) return mask;
  if (const auto* parts = std::get_if<std::vector<Polygon>>(&s)) return parts;
  return {};
}

void append_runs(const RleText& mask, std::vector<uint32_t>& counts) {
  static thread_local std::string text;
  std::string_view rest = mask.counts;
  size_t at = rest.find('\\');
  if (at == std::string_view::npos) return append_string(rest, mask.height, mask.width, counts);
  for (text.clear(); at != std::string_view::npos; at = rest.find('\\')) {
    check(rest.substr(at, 2) == "\\\\", "mask: an escape in its counts");
    text.append(rest.substr(0, at + 1));
    rest.remove_prefix(at + 2);
  }
  append_string(text.append(rest), mask.height, mask.width, counts);
}

Rle to_rle(const RleText& text) {
  Rle mask{text.height, text.width, {}};
  append_runs(text, mask.counts);
  mask.counts.shrink_to_fit();  // it had room for as many runs as characters
  return mask;
}

}  // namespace sil
