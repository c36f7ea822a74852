// Where all scores are true or false, pycocotools raises.
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "eval/rank.h"
#include "tensor/check.h"

namespace sil {

// numpy does not negate an array of booleans: pycocotools raises where all scores of a category that a limit leaves are
// true or false.  An image with objects alone makes them floats.
class BooleanScores {
 public:
  using Group = std::pair<int64_t, int64_t>;  // category, image

  void touch(Group group) { groups_[group]; }
  void add(Group group, double score, bool boolean) {
    groups_[group].push_back({score, boolean});
    any_ = any_ || boolean;
  }

  // Throws an Error that begins with `source`.
  void check(const std::vector<int64_t>& limits, const std::string& source) {
    if (!any_) return;
    for (auto& [group, scores] : groups_)
      std::ranges::stable_sort(scores, [](const Score& a, const Score& b) { return ranks_before(a.value, b.value); });
    for (const int64_t limit : limits)
      for (auto first = groups_.begin(); first != groups_.end();) {
        const auto last =
            std::find_if(first, groups_.end(), [&](const auto& x) { return x.first.first != first->first.first; });
        const bool booleans = std::all_of(first, last, [&](const auto& x) { return all_boolean(x.second, limit); });
        sil::check(!booleans, "{}: the scores of a category are all true or false; numbers expected", source);
        first = last;
      }
  }

 private:
  struct Score {
    double value;
    bool boolean;
  };

  static bool all_boolean(const std::vector<Score>& scores, int64_t limit) {
    const auto end = scores.begin() + std::min<ptrdiff_t>(ptrdiff_t(scores.size()), limit);
    return end != scores.begin() && std::all_of(scores.begin(), end, [](const Score& s) { return s.boolean; });
  }

  std::map<Group, std::vector<Score>> groups_;
  bool any_ = false;
};

}  // namespace sil
