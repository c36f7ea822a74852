// Masks as pixels, and back.  Pixels are looked at as bits, 64 in a word.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "data/rle.h"
#include "data/runs.h"
#include "tensor/check.h"

namespace sil {

namespace {

static_assert(std::endian::native == std::endian::little, "eight pixels are read as one number");

constexpr int64_t kTile = 64;  // columns that are turned at a time: a row of a tile is one word
constexpr uint64_t every(uint64_t byte) { return byte * 0x0101010101010101; }

uint64_t load(const uint8_t* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// 64 bytes as bits: which are not 0.
uint64_t nonzero_bits(const uint8_t* bytes) {
  uint64_t any = 0, all = ~uint64_t(0);
  for (int i = 0; i < 64; i += 8) {
    any |= load(bytes + i);
    all &= load(bytes + i);
  }
  if (any == 0) return 0;
  if (any == every(1) && all == every(1)) return ~uint64_t(0);
  uint64_t bits = 0;
  for (int i = 0; i < 64; i += 8) {
    const uint64_t word = load(bytes + i), high = (((word & every(127)) + every(127)) | word) & every(128);
    bits |= (high * 0x0002040810204081 >> 56) << i;
  }
  return bits;
}

uint64_t nonzero_bits(const uint8_t* bytes, int64_t count) {
  if (count >= 64) return nonzero_bits(bytes);
  std::array<uint8_t, 64> padded{};
  std::copy_n(bytes, count, padded.begin());
  return nonzero_bits(padded.data());
}

// Each bit as a byte of 0 or 1.
void spread(uint64_t bits, uint8_t* bytes) {
  static constexpr auto table = [] {
    std::array<uint64_t, 256> t{};
    for (size_t i = 0; i < 256; ++i)
      for (int bit = 0; bit < 8; ++bit) t[i] |= uint64_t(i >> bit & 1) << 8 * bit;
    return t;
  }();
  for (int i = 0; i < 8; ++i) std::memcpy(bytes + 8 * i, &table[bits >> 8 * i & 255], 8);
}

// Hands out the parts of a mask's stretches that lie in columns [x, x + columns), from left to right.
class Stretches {
 public:
  explicit Stretches(RleView mask) : counts_(mask.counts), height_(uint64_t(mask.height)) {}

  template <class F>
  void before(uint64_t column, F visit) {  // visit(begin, end): positions
    for (const uint64_t stop = column * height_;;) {
      if (begin_ == end_ && !advance()) return;
      if (begin_ >= stop) return;
      const uint64_t end = std::min(end_, stop);
      visit(begin_, end);
      begin_ = end;
    }
  }

 private:
  bool advance() {
    if (next_ + 1 >= counts_.size()) return false;
    begin_ = end_ + counts_[next_];
    end_ = begin_ + counts_[next_ + 1];
    next_ += 2;
    return true;
  }

  std::span<const uint32_t> counts_;
  uint64_t height_;
  size_t next_ = 0;
  uint64_t begin_ = 0, end_ = 0;
};

}  // namespace

Rle encode_columns(const uint8_t* bits, int64_t height, int64_t width) {
  check_mask_size(height, width);
  const int64_t pixels = height * width;
  std::vector<uint64_t> changes;
  uint64_t before = 0;  // the last pixel
  for (int64_t p = 0; p < pixels; p += 64) {
    const uint64_t word = nonzero_bits(bits + p, pixels - p);
    for (uint64_t at = word ^ (word << 1 | before); at != 0; at &= at - 1)
      changes.push_back(uint64_t(p + std::countr_zero(at)));
    before = word >> 63;
  }
  if (!changes.empty() && changes.back() == uint64_t(pixels)) changes.pop_back();  // the last word's padding
  return {height, width, runs_between(changes, uint64_t(pixels))};
}

Rle encode(const Tensor& bits) {
  check(bits.dtype() == DType::u8 && bits.rank() == 2, "encode: bits is {} {}; uint8 [height, width] expected",
        name(bits.dtype()), bits.shape());
  const int64_t height = bits.dim(0), width = bits.dim(1);
  check_mask_size(height, width);
  const uint8_t* from = bits.data<uint8_t>();
  std::array<std::vector<int64_t>, kTile> rows;  // where each column of the tile changes, from 0 above it
  std::vector<uint64_t> changes;
  for (int64_t x0 = 0; x0 < width; x0 += kTile) {
    const int64_t columns = std::min(kTile, width - x0);
    uint64_t above = 0;
    for (int64_t y = 0; y < height; ++y) {
      const uint64_t row = nonzero_bits(from + y * width + x0, columns);
      for (uint64_t at = row ^ above; at != 0; at &= at - 1) rows[size_t(std::countr_zero(at))].push_back(y);
      above = row;
    }
    for (int64_t x = 0; x < columns; ++x) {
      const uint64_t top = uint64_t((x0 + x) * height);
      if (changes.size() % 2 == 1) changes.push_back(top);  // a column begins with 0; what goes on is joined
      for (const int64_t y : rows[size_t(x)]) changes.push_back(top + uint64_t(y));
      rows[size_t(x)].clear();
    }
  }
  return {height, width, runs_between(changes, uint64_t(height * width))};
}

void decode_columns(RleView mask, uint8_t* bits) {
  validate(mask);
  uint8_t value = 0;
  for (const uint32_t n : mask.counts) {
    std::fill_n(bits, n, value);
    bits += n;
    value ^= 1;
  }
}

Tensor decode(RleView mask) {
  validate(mask);
  Tensor bits({mask.height, mask.width}, DType::u8);
  const int64_t height = mask.height, width = mask.width;
  std::vector<uint64_t> changes(size_t(height) + 1);  // of a row's 64 columns, against the row above
  Stretches stretches(mask);
  for (int64_t x0 = 0; x0 < width; x0 += kTile) {
    const int64_t columns = std::min(kTile, width - x0);
    std::ranges::fill(changes, 0);
    stretches.before(uint64_t(x0 + columns), [&](uint64_t begin, uint64_t end) {
      int64_t x = int64_t(begin) / height, top = x * height;
      for (; top < int64_t(end); ++x, top += height) {
        changes[size_t(std::max(int64_t(begin) - top, int64_t(0)))] ^= uint64_t(1) << (x - x0);
        changes[size_t(std::min(int64_t(end) - top, height))] ^= uint64_t(1) << (x - x0);
      }
    });
    uint64_t row = 0;
    for (int64_t y = 0; y < height; ++y) {
      uint8_t* to = bits.data<uint8_t>() + y * width + x0;
      row ^= changes[size_t(y)];
      if (columns == kTile) {
        spread(row, to);
      } else {
        std::array<uint8_t, kTile> bytes;
        spread(row, bytes.data());
        std::copy_n(bytes.begin(), columns, to);
      }
    }
  }
  return bits;
}

}  // namespace sil
