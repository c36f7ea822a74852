// COCO's compressed counts: from the fourth on, each count is its difference to the one two before it; then as many
// groups of five bits as the signed number needs, lowest first, bit 5 set while more follow, plus '0' (48).
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "data/rle.h"
#include "data/runs.h"
#include "tensor/check.h"

namespace sil {

namespace {

static_assert(std::endian::native == std::endian::little, "eight characters are read as one number");

constexpr uint64_t every(uint64_t byte) { return byte * 0x0101010101010101; }

uint64_t load(const char* text) {
  uint64_t word;
  std::memcpy(&word, text, sizeof word);
  return word;
}

// Of 64 characters: which end a number, a bit each.  False if any is none of '0' to 'o'.
bool find_ends(const char* text, uint64_t& ends) {
  ends = 0;
  uint64_t wrong = 0;
  for (int i = 0; i < 8; ++i) {
    const uint64_t word = load(text + 8 * i);
    wrong |= word | (word + every(128 - 112)) | ~((word | every(128)) - every(48));
    const uint64_t goes_on = (word + every(128 - 80)) & every(128);
    ends |= (~(goes_on * 0x0002040810204081 >> 56) & 255) << 8 * i;
  }
  return (wrong & every(128)) == 0;
}

// The number that begins at `text` and has `length` characters, 1 to 8; eight are read.
int64_t number_at(const char* text, unsigned length) {
  uint64_t v = (load(text) ^ every(16)) & every(31);  // 5 bits in 8, then 10 in 16, 20 in 32, 40
  v = (v & 0x001f001f001f001f) | (v & 0x1f001f001f001f00) >> 3;
  v = (v & 0x000003ff000003ff) | (v & 0x03ff000003ff0000) >> 6;
  v = (v & 0x00000000000fffff) | (v & 0x000fffff00000000) >> 12;
  const unsigned above = 64 - 5 * length;
  return int64_t(v << above) >> above;
}

// What a number of one or two characters is worth, by the place where it ends: mostly they have no more.  Reads 65.
std::array<int16_t, 65> short_numbers(const char* text) {
  std::array<int16_t, 65> values;
  values[0] = int16_t((text[0] & 31) - 16);
  for (int i = 0; i < 64; ++i) {
    const int lower = text[i], upper = (text[i + 1] & 31) - 16;
    values[size_t(i) + 1] = int16_t(lower < 80 ? upper : upper * 32 + ((lower ^ 16) & 31));
  }
  return values;
}

// Reads a string of a mask with under 2^31 pixels; false if it is not one.  `counts` has room for a run a character.  A
// count that is wrong shows as 2^31 or more, so the sum tells.
bool read_plain(std::string_view text, uint64_t pixels, uint32_t* counts, size_t& size) {
  if (pixels >> 31 != 0) return false;
  uint32_t older = 0, newer = 0;  // the two counts before; the first of all is nobody's base
  uint64_t sum = 0;
  uint32_t* next = counts;
  while (!text.empty()) {  // 64 characters at a time, from the beginning of a number
    char padded[72];
    const char* chunk = text.data();
    if (text.size() < sizeof padded) {
      std::memset(padded, '0', sizeof padded);
      std::memcpy(padded, text.data(), text.size());
      chunk = padded;
    }
    uint64_t ends;
    if (!find_ends(chunk, ends)) return false;
    const uint64_t goes_on = ~ends;
    if (text.size() < 64) ends &= (uint64_t(1) << text.size()) - 1;
    if (ends == 0) return false;
    const uint64_t long_ends = ends & goes_on << 1 & goes_on << 2;
    const auto values = short_numbers(chunk);
    text.remove_prefix(size_t(64 - std::countl_zero(ends)));
    for (; ends != 0; ends &= ends - 1) {
      const int end = std::countr_zero(ends);
      uint32_t count = uint32_t(values[size_t(end)]);
      if (long_ends >> end & 1) [[unlikely]] {
        const int length = 1 + std::countl_one(goes_on << (64 - end));
        if (length > 6) return false;
        count = uint32_t(number_at(chunk + end + 1 - length, unsigned(length)));
      }
      count += older;
      older = newer;
      newer = count;
      *next++ = count;
      sum += count;
      if (next == counts + 1) [[unlikely]]
        newer = 0;
    }
  }
  size = size_t(next - counts);
  return sum == pixels;
}

// Reads any string, or says what is wrong with it.
std::vector<int64_t> read_carefully(std::string_view text, int64_t height, int64_t width) {
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
  return counts;
}

}  // namespace

namespace {

char* write_number(int64_t rest, char* end) {
  for (; rest < -16 || rest > 15; rest >>= 5) *end++ = char('0' + (rest & 31) + 32);  // bit 4 of the last is the sign
  *end++ = char('0' + (rest & 31));
  return end;
}

// Sixteen numbers, the differences of these counts from those two places before; false if one needs three characters.
bool write_short_numbers(const uint32_t* counts, char*& end) {
  uint16_t both[16], more[16];  // two characters, and whether the second is one
  uint32_t far = 0;
#pragma omp simd reduction(| : far)
  for (int i = 0; i < 16; ++i) {
    const uint32_t rest = counts[i] - counts[i - 2];
    const uint32_t two = rest + 16 > 31;
    far |= rest + 512 > 1023;
    both[i] = uint16_t(('0' + (rest & 31) + 32 * two) | ('0' + (rest >> 5 & 31)) << 8);
    more[i] = uint16_t(two);
  }
  if (far) return false;
  for (int i = 0; i < 16; ++i) {  // no jump
    std::memcpy(end, &both[i], 2);
    end += 1 + more[i];
  }
  return true;
}

}  // namespace

std::string to_string(RleView mask) {
  static thread_local std::vector<char> text;
  const std::span<const uint32_t> counts = mask.counts;
  text.resize(std::max(text.size(), counts.size() * 7 + 1));  // a difference has 33 bits and a sign
  char* end = text.data();
  const bool small = uint64_t(mask.height) * uint64_t(mask.width) >> 31 == 0;  // no difference has more than 32 bits
  for (size_t i = 0; i < counts.size();) {
    if (small && i > 2 && i + 16 <= counts.size() && write_short_numbers(&counts[i], end)) {
      i += 16;
      continue;
    }
    for (const size_t stop = std::min(counts.size(), i < 3 ? 3 : i + 16); i < stop; ++i)
      end = write_number(int64_t(counts[i]) - (i > 2 ? int64_t(counts[i - 2]) : 0), end);
  }
  return {text.data(), end};
}

void append_string(std::string_view text, int64_t height, int64_t width, std::vector<uint32_t>& counts) {
  check_mask_size(height, width);
  const size_t before = counts.size();
  size_t size = 0;
  counts.resize(before + text.size());
  const bool plain = read_plain(text, uint64_t(height * width), counts.data() + before, size);
  counts.resize(before + size);
  if (plain) return;
  counts.resize(before);
  const Rle mask = from_counts(read_carefully(text, height, width), height, width);
  counts.insert(counts.end(), mask.counts.begin(), mask.counts.end());
}

Rle from_string(std::string_view text, int64_t height, int64_t width) {
  static thread_local std::vector<uint32_t> counts;
  counts.clear();
  append_string(text, height, width, counts);
  return {height, width, {counts.begin(), counts.end()}};
}

}  // namespace sil
