// Writes runs in column order: joins neighbours of one value, so that each mask has one encoding.
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace sil {

class Runs {
 public:
  void add(bool value, uint64_t length) {
    if (length == 0) return;
    if (value != value_) {
      flush();
      value_ = value;
    }
    length_ += length;
  }
  std::vector<uint32_t> finish() {
    if (length_ > 0 || counts_.empty()) flush();
    return std::move(counts_);
  }

 private:
  // A run of 2^32 pixels or more goes on after an empty run of the other value.
  void flush() {
    constexpr uint64_t longest = std::numeric_limits<uint32_t>::max();
    for (; length_ > longest; length_ -= longest) {
      counts_.push_back(uint32_t(longest));
      counts_.push_back(0);
    }
    counts_.push_back(uint32_t(length_));
    length_ = 0;
  }

  std::vector<uint32_t> counts_;
  uint64_t length_ = 0;
  bool value_ = false;
};

// Runs of a mask that is 0 at first and changes at these places, given in ascending order; two at one place cancel each
// other.
std::vector<uint32_t> runs_between(std::span<const uint64_t> changes, uint64_t pixels);

// Throws unless both sides are sane (0 to 2^24 pixels).
void check_mask_size(int64_t height, int64_t width);

}  // namespace sil
