#include "eval/confusion.h"

#include <algorithm>

#include "tensor/check.h"

namespace sil {

Confusion::Confusion(std::vector<int64_t> category_ids) : categories_(std::move(category_ids)) {
  std::ranges::sort(categories_);
  categories_.erase(std::unique(categories_.begin(), categories_.end()), categories_.end());
}

size_t Confusion::index(int64_t category_id) const {
  const auto at = std::ranges::lower_bound(categories_, category_id);
  return at != categories_.end() && *at == category_id ? size_t(at - categories_.begin()) : categories_.size();
}

std::vector<Confusion::Entry> Confusion::entries(const Pairs& pairs) const {
  std::vector<Entry> out;
  constexpr double least = .5;
  const size_t K = categories_.size(), G = pairs.objects.size();
  std::vector<size_t> classes;
  for (const Pairs::Object& o : pairs.objects) classes.push_back(index(o.category_id));
  std::vector<uint8_t> taken(G);

  for (size_t d = 0; d < pairs.detections.size(); ++d) {
    const size_t found = index(pairs.detections[d].category_id);
    if (found == K) continue;
    size_t best = G;
    bool in_crowd = false;
    for (size_t g = 0; g < G; ++g) {
      const double iou = pairs.iou(d, g);
      if (taken[g] || classes[g] == K || iou < least) continue;
      if (pairs.objects[g].crowd)
        in_crowd |= classes[g] == found;
      else if (best == G || iou > pairs.iou(d, best) || (iou == pairs.iou(d, best) && classes[g] == found))
        best = g;
    }
    if (best < G) {
      taken[best] = 1;
      out.push_back({classes[best], found});
    } else if (!in_crowd) {
      out.push_back({K, found});
    }
  }
  for (size_t g = 0; g < G; ++g)
    if (!taken[g] && classes[g] < K && !pairs.objects[g].crowd) out.push_back({classes[g], K});
  return out;
}

void Confusion::add(const std::vector<Entry>& entries) {
  for (const Entry& e : entries) ++counts_[{e.truth, e.found}];
}

void Confusion::merge(const Confusion& other) {
  check(categories_ == other.categories_, "confusion: only parts with the same categories merge");
  for (const auto& [cell, count] : other.counts_) counts_[cell] += count;
}

int64_t Confusion::count(size_t truth, size_t found) const {
  const auto at = counts_.find({truth, found});
  return at == counts_.end() ? 0 : at->second;
}

std::vector<int64_t> Confusion::row(size_t truth) const {
  std::vector<int64_t> out(size());
  for (auto at = counts_.lower_bound({truth, 0}); at != counts_.end() && at->first.first == truth; ++at)
    out[at->first.second] = at->second;
  return out;
}

}  // namespace sil
