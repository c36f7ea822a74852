#include "data/mask_view.h"

namespace sil {

namespace {

// Calls each(count) for the counts from `at` on, up to the first character that belongs to none.  False for what is
// unsound.  Counts are differences to the one two before, groups of five bits (rle_string.cpp).
template <class F>
bool walk_counts(const char*& at, F each) {
  int64_t before = 0, last = 0;  // the two counts before this; the first of all is added to none
  for (bool first = true;; first = false) {
    uint32_t code = uint32_t(static_cast<unsigned char>(*at)) - '0';
    if (code > 63) return true;
    int64_t number = 0;
    int shift = 0;
    for (;; shift += 5) {
      if (code == '\\' - '0' && *++at != '\\') return false;
      ++at;
      number |= int64_t(code & 31) << shift;
      if (!(code & 32)) break;
      code = uint32_t(static_cast<unsigned char>(*at)) - '0';
      if (code > 63 || shift == 25) return false;
    }
    if (code & 16) number -= int64_t(32) << shift;
    const int64_t count = before + number;
    if (uint64_t(count) >= uint64_t(1) << 32) return false;  // below 0, too
    each(uint32_t(count));
    before = last;
    last = first ? 0 : count;
  }
}

}  // namespace

MaskView view(const Segmentation& s) {
  if (const auto* mask = std::get_if<Rle>(&s)) return mask;
  if (const auto* parts = std::get_if<std::vector<Polygon>>(&s)) return parts;
  return {};
}

int64_t read_counts(const char*& at) {
  int64_t sum = 0;
  return walk_counts(at, [&](uint32_t count) { sum += count; }) && *at == '"' ? sum : -1;
}

void append_runs(const RleText& text, std::vector<uint32_t>& counts) {
  const size_t begin = counts.size();
  counts.resize(begin + text.counts.size());  // no run takes less than a character
  uint32_t* to = counts.data() + begin;
  const char* at = text.counts.data();
  walk_counts(at, [&](uint32_t count) { *to++ = count; });
  counts.resize(size_t(to - counts.data()));
}

Rle to_rle(const RleText& text) {
  Rle mask{text.height, text.width, {}};
  append_runs(text, mask.counts);
  mask.counts.shrink_to_fit();
  return mask;
}

}  // namespace sil
