// Greedy suppression inside groups: pyramid levels of the RPN, classes of the box head.
#pragma once
#include <array>
#include <cstddef>
#include <vector>

namespace sil {

// Boxes of one photo, T float or double.  Scores are not NaN.
template <class T>
struct Candidates {
  std::vector<std::array<T, 4>> boxes;
  std::vector<T> scores;
  std::vector<int> groups;  // >= 0

  void add(const T* box, T score, int group) {
    boxes.push_back({box[0], box[1], box[2], box[3]}), scores.push_back(score), groups.push_back(group);
  }
  std::size_t size() const { return boxes.size(); }
};

// Rows that no better box of their group overlaps by more than `threshold`, best first, equal scores in order, at most
// `limit`.  Up to 1,000 boxes are compared at coordinates moved by group * (largest coordinate + 1): torchvision's
// batched_nms does so on the CPU, and the sums' rounding can tip an overlap that lies at the threshold.
template <class T>
std::vector<std::size_t> grouped_nms(const Candidates<T>&, double threshold, int limit);

}  // namespace sil
