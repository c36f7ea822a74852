// Scores as numpy takes them, where they are not all floats, and what a limit of detections leaves to be looked at.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "eval/python_value.h"
#include "eval/rank.h"
#include "tensor/check.h"

namespace sil {

class NumpyScores {
 public:
  using Group = std::pair<int64_t, int64_t>;  // category, image

  void touch(Group group) { groups_[group]; }
  // broken: what is wrong with a detection that pycocotools looks at only if no limit leaves it out.
  void add(Group group, const PythonValue& score, std::string broken) {
    Score added{score.number, score.kind, "", std::move(broken)};
    if (score.kind == PythonValue::Kind::integer && score.text != fmt::format("{:.0f}", score.number))
      added.digits = score.text;
    odd_ = odd_ || score.kind != PythonValue::Kind::real || !added.broken.empty();
    groups_[group].push_back(std::move(added));
  }

  // Throws an Error that begins with `source`.
  void check(const std::vector<int64_t>& limits, const std::string& source) {
    if (!odd_ || limits.empty()) return;
    for (auto& [group, scores] : groups_)
      std::ranges::stable_sort(scores, [](const Score& a, const Score& b) { return ranks_before(a.value, b.value); });
    for (auto first = groups_.begin(); first != groups_.end();) {
      const auto last =
          std::find_if(first, groups_.end(), [&](const auto& x) { return x.first.first != first->first.first; });
      for (const int64_t limit : limits)
        sil::check(!all_boolean(first, last, limit),
                   "{}: the scores of a category are all true or false; numbers expected", source);
      check_integers(first, last, source);
      first = last;
    }
    for (const auto& [group, scores] : groups_)
      for (const Score& s : left(scores, std::ranges::max(limits))) sil::check(s.broken.empty(), "{}", s.broken);
  }

 private:
  struct Score {
    double value;
    PythonValue::Kind kind;
    std::string digits;  // of an integer that is no double
    std::string broken;
  };
  using Groups = std::map<Group, std::vector<Score>>;
  using At = Groups::const_iterator;

  static std::span<const Score> left(const std::vector<Score>& scores, int64_t limit) {
    return std::span(scores).first(std::min(scores.size(), size_t(std::max<int64_t>(limit, 0))));
  }

  // numpy does not negate an array of booleans.  An image with objects alone makes them floats.
  static bool all_boolean(At first, At last, int64_t limit) {
    return std::all_of(first, last, [&](const auto& x) {
      const std::span<const Score> scores = left(x.second, limit);
      return !scores.empty() &&
             std::ranges::all_of(scores, [](const Score& s) { return s.kind == PythonValue::Kind::boolean; });
    });
  }

  // Where numpy makes no floats of integers past 2^53, their order is not that of doubles.
  static void check_integers(At first, At last, const std::string& source) {
    std::vector<Score> all;
    for (; first != last; ++first) all.insert(all.end(), first->second.begin(), first->second.end());
    const auto real = [](const Score& s) { return s.kind == PythonValue::Kind::real; };
    const bool reals = std::ranges::any_of(all, real);
    const bool nan = std::ranges::any_of(all, [](const Score& s) { return std::isnan(s.value); });
    std::ranges::sort(all, [](const Score& a, const Score& b) {
      return ranks_before(a.value, b.value) || (a.value == b.value && a.digits < b.digits);
    });
    for (size_t i = 0; i < all.size(); ++i) {
      const Score& s = all[i];
      if (s.kind != PythonValue::Kind::integer) continue;
      const bool past_64_bits = std::abs(s.value) >= 0x1p63;
      const bool one_double = i > 0 && all[i - 1].value == s.value && all[i - 1].digits != s.digits;
      sil::check(std::isfinite(s.value) && !one_double && !(past_64_bits && (nan || !reals)),
                 "{}: a score is the integer {}, which numpy does not compare as a double; a float expected", source,
                 s.digits.empty() ? fmt::format("{:.0f}", s.value) : s.digits);
    }
  }

  Groups groups_;
  bool odd_ = false;
};

}  // namespace sil
