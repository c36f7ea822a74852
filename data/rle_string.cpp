// COCO's compressed counts: from the fourth on, each count is its difference to the one two before it; then as many
// groups of five bits as the signed number needs, lowest first, bit 5 set while more follow, plus '0' (48).
#include "data/rle.h"
#include "data/runs.h"
#include "tensor/check.h"

namespace sil {

std::string to_string(const Rle& mask) {
  std::string text;
  for (size_t i = 0; i < mask.counts.size(); ++i) {
    int64_t rest = int64_t(mask.counts[i]) - (i > 2 ? int64_t(mask.counts[i - 2]) : 0);
    for (bool more = true; more;) {
      const int bits = int(rest & 31);
      rest >>= 5;
      more = rest != ((bits & 16) ? -1 : 0);  // the top bit of the last group is the sign
      text += char('0' + (bits | (more ? 32 : 0)));
    }
  }
  return text;
}

Rle from_string(std::string_view text, int64_t height, int64_t width) {
  check_mask_size(height, width);
  const int64_t pixels = height * width;
  std::vector<int64_t> counts;
  int64_t sum = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    uint64_t number = 0;
    int shift = 0;
    for (bool more = true; more; shift += 5) {
      check(at < text.size(), "mask: counts end inside a number (character {})", at);
      const int code = static_cast<unsigned char>(text[at]);
      check(code >= 48 && code < 112, "mask: character {} of the counts has code {}; 48 to 111 expected", at, code);
      check(shift < 55, "mask: the number at character {} of the counts is too long", begin);
      const int bits = code - 48;
      number |= uint64_t(bits & 31) << shift;
      more = bits & 32;
      if (!more && (bits & 16)) number |= ~uint64_t(0) << (shift + 5);
      ++at;
    }
    const int64_t count = int64_t(number) + (counts.size() > 2 ? counts[counts.size() - 2] : 0);
    check(count >= 0, "mask: the number at character {} of the counts makes a run of {} pixels", begin, count);
    check(count <= pixels - sum, "mask: runs run over {} x {} = {} pixels at character {} of the counts", height, width,
          pixels, begin);
    sum += count;
    counts.push_back(count);
  }
  return from_counts(counts, height, width);
}

}  // namespace sil
