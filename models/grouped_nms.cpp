#include "models/grouped_nms.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

#include "tensor/ops.h"

namespace sil {
namespace {

constexpr size_t kOffsetTrickLimit = 1000;

template <class T>
std::vector<size_t> by_score(const std::vector<T>& scores) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  return order;
}

// How far apart the groups are moved.
template <class T>
T group_distance(const Candidates<T>& c) {
  if (c.size() > kOffsetTrickLimit) return 0;
  T largest = -std::numeric_limits<T>::infinity();
  for (const auto& box : c.boxes) largest = std::max(largest, *std::max_element(box.begin(), box.end()));
  return largest + 1;
}

}  // namespace

template <class T>
std::vector<size_t> grouped_nms(const Candidates<T>& c, double threshold, int limit) {
  if (c.size() == 0) return {};
  const std::vector<size_t> order = by_score(c.scores);
  std::map<int, std::vector<size_t>> lists;
  for (size_t row : order) lists[c.groups[row]].push_back(row);
  size_t longest = 0;
  for (const auto& [group, rows] : lists) longest = std::max(longest, rows.size());

  // One list a group, padded to the longest.
  Tensor boxes = Tensor::zeros({int64_t(lists.size()), int64_t(longest), 4}, dtype_of<T>);
  std::vector<int32_t> counts;
  const T distance = group_distance(c);
  for (const auto& [group, rows] : lists) {
    T* out = boxes.data<T>() + counts.size() * longest * 4;
    const T offset = T(group) * distance;
    for (size_t row : rows)
      for (T x : c.boxes[row]) *out++ = x + offset;
    counts.push_back(int32_t(rows.size()));
  }
  const Tensor keep = ops::nms(boxes, Tensor::of({int64_t(counts.size())}, counts), threshold);

  std::vector<char> kept(c.size());
  const uint8_t* flags = keep.data<uint8_t>();
  for (const auto& [group, rows] : lists) {
    for (size_t i = 0; i < rows.size(); ++i) kept[rows[i]] = char(flags[i]);
    flags += longest;
  }
  std::vector<size_t> best;
  for (size_t row : order)
    if (kept[row] && best.size() < size_t(limit)) best.push_back(row);
  return best;
}

template std::vector<size_t> grouped_nms(const Candidates<float>&, double, int);
template std::vector<size_t> grouped_nms(const Candidates<double>&, double, int);

}  // namespace sil
