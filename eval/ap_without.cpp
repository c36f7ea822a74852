// An image left away takes few detections out of a class' ranking.  Behind the last of them the others' counts differ
// by two numbers, which many images share, so what comes there is computed once for all of these; before the first of
// them nothing differs, so the walk up from there ends where the best precision is what it was.
#include "eval/ap_without.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "tensor/check.h"
#include "tensor/threads.h"

namespace sil {
namespace {

// An image's share of a class.
struct Part {
  uint32_t image = 0, begin = 0, end = 0;  // its rows, in Class::rows
  int64_t objects = 0;
};

struct Class {
  const Matches::Class* from = nullptr;
  std::vector<uint32_t> rows;  // of from->rows, part by part, best score first
  std::vector<Part> parts;
  int64_t objects = 0;
  // By how many objects are left away: how many right detections each recall needs, at least 1.
  std::map<int64_t, std::vector<int64_t>> needs;
};

std::vector<int64_t> needs_of(const std::vector<double>& recalls, int64_t objects) {
  std::vector<int64_t> out;
  for (const double recall : recalls) {
    int64_t n = std::max<int64_t>(1, int64_t(std::ceil(recall * double(objects))) - 1);
    while (recall > double(n) / double(objects)) ++n;
    out.push_back(n);
  }
  return out;
}

Class class_of(const Matches::Class& from, const std::unordered_map<int64_t, uint32_t>& index,
               const std::vector<double>& recalls) {
  std::vector<std::pair<uint32_t, uint32_t>> rows;    // image, row
  std::vector<std::pair<uint32_t, int64_t>> objects;  // image, how many
  for (size_t i = 0; i < from.rows.size(); ++i) rows.emplace_back(index.at(from.rows[i].image_id), uint32_t(i));
  for (const auto& [image_id, count] : from.objects) objects.emplace_back(index.at(image_id), count);
  std::ranges::sort(rows);
  std::ranges::sort(objects);

  Class out{&from, {}, {}, from.object_count(), {}};
  out.needs.emplace(0, needs_of(recalls, out.objects));
  for (size_t next = 0; out.rows.size() < rows.size() || next < objects.size();) {
    const size_t begin = out.rows.size();
    Part part{~0u, uint32_t(begin), 0, 0};
    if (begin < rows.size()) part.image = rows[begin].first;
    if (next < objects.size()) part.image = std::min(part.image, objects[next].first);
    for (size_t i = begin; i < rows.size() && rows[i].first == part.image; ++i) out.rows.push_back(rows[i].second);
    for (; next < objects.size() && objects[next].first == part.image; ++next) part.objects += objects[next].second;
    part.end = uint32_t(out.rows.size());
    out.parts.push_back(part);
    if (part.objects < out.objects && !out.needs.contains(part.objects))
      out.needs.emplace(part.objects, needs_of(recalls, out.objects - part.objects));
  }
  return out;
}

// What is left away.
struct Left {
  int64_t hits = 0, detections = 0, objects = 0;
  auto operator<=>(const Left&) const = default;
};

// The curve's last hits, walked from the last one up.
struct Walk {
  double best = 0, sum = 0;  // precision: the best one; at the recalls that were passed, summed
  size_t recalls = 0;        // to be passed yet
};

// By hit, from the last one up to `from`: the walk of it and all behind.
struct Walks {
  size_t from = 0;
  std::vector<Walk> walks;
  const Walk& operator[](size_t hit) const { return walks[hit - from]; }
};

// A detection of an image in the ranking, before hit `hit` or that hit itself.
struct Gap {
  size_t hit = 0;
  bool right = false;
  size_t end() const { return hit + right; }
};

// A class at one IoU threshold.  A hit is a right detection.
class Curve {
 public:
  Curve(const Class& c, size_t threshold) : class_(c) {
    const uint64_t bit = uint64_t(1) << threshold;
    std::vector<uint32_t> hits_before;
    int64_t seen = 0;
    for (const Matches::Row& row : c.from->rows) {
      hits_before.push_back(uint32_t(seen_.size()));
      seen += !(row.ignored & bit);
      if (row.right & bit) seen_.push_back(double(seen));
    }
    block_best_.resize(seen_.size() / kBlock + 1);
    for (size_t hit = 0; hit < seen_.size(); ++hit)
      block_best_[hit / kBlock] = std::max(block_best_[hit / kBlock], precision(hit, {}));
    for (const Part& part : c.parts) {
      first_gap_.push_back(gaps_.size());
      for (const uint32_t i : std::span(c.rows).subspan(part.begin, part.end - part.begin))
        if (const Matches::Row& row = c.from->rows[i]; !(row.ignored & bit))
          gaps_.push_back({hits_before[i], (row.right & bit) != 0});
    }
    first_gap_.push_back(gaps_.size());
    for (const auto& [objects, needs] : c.needs) whole_.emplace(objects, walks({0, 0, objects}, 0));
  }

  // The best precision at each recall or above, summed.
  double sum() const { return whole_.at(0)[0].sum; }

  // The same without each part; 0 without one that has all objects.
  std::vector<double> sums_without() const {
    std::vector<double> out(class_.parts.size());
    std::map<Left, std::vector<size_t>> alike;
    for (size_t i = 0; i < out.size(); ++i) {
      const int64_t objects = class_.parts[i].objects;
      const std::span<const Gap> gaps = gaps_of(i);
      if (objects == class_.objects) continue;
      if (gaps.empty())
        out[i] = whole_.at(objects)[0].sum;
      else
        alike[{std::ranges::count_if(gaps, &Gap::right), int64_t(gaps.size()), objects}].push_back(i);
    }
    for (const auto& [left, parts] : alike) {
      size_t from = seen_.size();
      for (const size_t i : parts) from = std::min(from, gaps_of(i).back().end());
      const Walks behind = walks(left, from);
      for (const size_t i : parts) out[i] = sum_without(gaps_of(i), left, behind);
    }
    return out;
  }

 private:
  std::span<const Gap> gaps_of(size_t part) const {
    return std::span(gaps_).subspan(first_gap_[part], first_gap_[part + 1] - first_gap_[part]);
  }

  // `left`: before this hit.
  double precision(size_t hit, const Left& left) const {
    return double(int64_t(hit) + 1 - left.hits) / (seen_[hit] - double(left.detections));
  }

  void pass(Walk& walk, size_t hit, const Left& left, const std::vector<int64_t>& needs) const {
    walk.best = std::max(walk.best, precision(hit, left));
    for (; walk.recalls > 0 && needs[walk.recalls - 1] > int64_t(hit) - left.hits; --walk.recalls)
      walk.sum += walk.best;
  }

  // The same for hits [begin, end), the last first: between two recalls their best precision is enough.
  void pass(Walk& walk, size_t begin, size_t end, const Left& left, const std::vector<int64_t>& needs) const {
    while (begin < end) {
      size_t stop = begin;
      if (walk.recalls > 0) stop = std::max(begin, size_t(needs[walk.recalls - 1] - 1 + left.hits));
      walk.best = std::max(walk.best, best_of(stop + 1, end, left, walk.best));
      pass(walk, stop, left, needs);
      end = stop;
    }
  }

  // Precision mostly falls, so the first block raises `best` above what the others can have: what a block has with
  // nothing left away, p, becomes p + (p * detections - hits) / (seen - detections) at most.
  double best_of(size_t begin, size_t end, const Left& left, double best) const {
    for (size_t hit = begin; hit < end;) {
      if (hit % kBlock == 0 && hit + kBlock <= end) {
        const double p = block_best_[hit / kBlock], more = p * double(left.detections) - double(left.hits);
        if (p + std::max(0., more) / (seen_[hit] - double(left.detections)) <= best) {
          hit += kBlock;
          continue;
        }
      }
      best = std::max(best, precision(hit++, left));
    }
    return best;
  }

  Walks walks(const Left& left, size_t from) const {
    const std::vector<int64_t>& needs = class_.needs.at(left.objects);
    const auto reached = std::ranges::upper_bound(needs, int64_t(seen_.size()) - left.hits);
    Walks out{from, std::vector<Walk>(seen_.size() - from + 1)};
    Walk walk{0, 0, size_t(reached - needs.begin())};
    out.walks.back() = walk;
    for (size_t hit = seen_.size(); hit-- > from;) {
      pass(walk, hit, left, needs);
      out.walks[hit - from] = walk;
    }
    return out;
  }

  double sum_without(std::span<const Gap> gaps, Left left, const Walks& behind) const {
    const std::vector<int64_t>& needs = class_.needs.at(left.objects);
    const Walks& whole = whole_.at(left.objects);
    Walk walk = behind[gaps.back().end()];
    for (size_t i = gaps.size(); i-- > 1;) {
      --left.detections;
      left.hits -= gaps[i].right;
      pass(walk, gaps[i - 1].end(), gaps[i].hit, left, needs);
    }
    left.hits = left.detections = 0;
    for (size_t hit = gaps[0].hit; hit-- > 0;) {
      pass(walk, hit, left, needs);
      if (walk.best == whole[hit].best) return walk.sum + whole[0].sum - whole[hit].sum;
    }
    return walk.sum;
  }

  static constexpr size_t kBlock = 64;

  const Class& class_;
  std::vector<double> seen_;        // by hit: detections up to it, those that are ignored left out
  std::vector<double> block_best_;  // the best precision of so many hits
  std::vector<Gap> gaps_;           // part by part
  std::vector<size_t> first_gap_;   // [parts + 1]
  std::map<int64_t, Walks> whole_;  // by how many objects are left away; no detection is
};

}  // namespace

std::vector<double> ap_without_each(const Matches& matches, std::span<const int64_t> image_ids,
                                    std::vector<double> recalls) {
  std::unordered_map<int64_t, uint32_t> index;
  for (size_t i = 0; i < image_ids.size(); ++i)
    check(index.emplace(image_ids[i], uint32_t(i)).second, "AP without each image: image {} is given twice",
          image_ids[i]);
  std::ranges::sort(recalls);
  const size_t thresholds = matches.iou_thresholds.size();
  double sum = 0;
  int64_t measured = 0;
  std::vector<double> change(image_ids.size());
  std::vector<int64_t> classes_less(image_ids.size());
  for (const Matches::Class& from : matches.classes) {
    if (from.objects.empty()) continue;
    const Class c = class_of(from, index, recalls);
    std::vector<double> sums(thresholds);
    std::vector<std::vector<double>> without(thresholds);
    parallel_tasks(int64_t(thresholds), [&](int64_t t) {
      const Curve curve(c, size_t(t));
      sums[size_t(t)] = curve.sum();
      without[size_t(t)] = curve.sums_without();
    });
    ++measured;
    for (const double s : sums) sum += s;
    for (size_t i = 0; i < c.parts.size(); ++i) {
      for (size_t t = 0; t < thresholds; ++t) change[c.parts[i].image] += without[t][i] - sums[t];
      classes_less[c.parts[i].image] += c.parts[i].objects == c.objects;
    }
  }
  const auto ap = [&](double precision, int64_t classes) {
    return classes == 0 ? -1 : precision / double(classes * int64_t(thresholds * recalls.size()));
  };
  std::vector<double> out(image_ids.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = ap(sum + change[i], measured - classes_less[i]) - ap(sum, measured);
  return out;
}

}  // namespace sil
