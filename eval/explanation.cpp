#include "eval/explanation.h"

#include <unordered_map>

#include "eval/bootstrap.h"
#include "eval/metrics.h"
#include "tensor/check.h"
#include "tensor/threads.h"

namespace sil {
namespace {

const char* name(IouType type) { return type == IouType::bbox ? "bbox" : "segm"; }

std::vector<ExplainedClass> classes_of(const Annotations& a, const Evaluator& e) {
  const Accumulated x = e.accumulate();
  const Matches matches = e.matches();
  const size_t half = matches.threshold(.5);
  const std::vector<Evaluator::Count> counts = e.counts();
  std::vector<ExplainedClass> out;
  for (size_t k = 0; k < counts.size(); ++k) {
    const int64_t id = e.categories()[k];
    const Summary s = summarise(x, e.protocol(), k);
    out.push_back({id, a.categories[a.category_row.at(id)].name, counts[k].objects, counts[k].detections, s.AP, s.AP50,
                   s.AP75, best_score_threshold(matches.classes[k], half)});
  }
  return out;
}

}  // namespace

std::vector<size_t> photo_rows(const Annotations& a) {
  std::vector<size_t> out;
  for (size_t row = 0; row < a.photos.size(); ++row)
    if (a.photo_row.at(a.photos[row].id) == row) out.push_back(row);
  return out;
}

Explanation explain(const Annotations& a, std::span<const Detection> detections, const Evaluator& e) {
  const std::vector<size_t> rows = photo_rows(a);
  std::vector<std::vector<const Detection*>> found(a.photos.size());
  for (const Detection& d : detections) found[a.photo_row.at(d.image_id)].push_back(&d);

  std::vector<Pairs> pairs(a.photos.size());
  parallel_for(int64_t(rows.size()), 8, [&](int64_t begin, int64_t end) {
    for (const size_t row : std::span(rows).subspan(size_t(begin), size_t(end - begin)))
      pairs[row] = pairs_of(e.iou_type(), a, row, found[row]);
  });
  return explain(a, pairs, e);
}

Explanation explain(const Annotations& a, std::span<const Pairs> pairs, const Evaluator& e) {
  const std::vector<size_t> rows = photo_rows(a);
  std::vector<TidePhoto> photos(rows.size());
  Explanation out{name(e.iou_type()), {}, classes_of(a, e), Confusion(e.categories()), {}};
  std::vector<std::vector<Confusion::Entry>> confused(rows.size());
  parallel_for(int64_t(rows.size()), 8, [&](int64_t begin, int64_t end) {
    for (size_t i = size_t(begin); i < size_t(end); ++i) {
      const Pairs best = best_of(pairs[rows[i]]);
      photos[i] = tide_photo(best);
      confused[i] = out.confusion.entries(best);
    }
  });
  for (const std::vector<Confusion::Entry>& entries : confused) out.confusion.add(entries);
  out.tide = tide(photos);
  const Matches matches = e.matches();
  out.calibration = calibration(matches, matches.threshold(.5));
  return out;
}

std::vector<Compared> compare(const Annotations& a, std::span<const Evaluator* const> contenders,
                              std::span<const std::string> names, int samples, uint64_t seed) {
  std::vector<int64_t> ids;
  for (size_t row : photo_rows(a)) ids.push_back(a.photos[row].id);
  std::vector<WeightedAp> weighted;
  std::vector<double> ap;
  for (const Evaluator* e : contenders) {
    weighted.emplace_back(e->matches(), ids, e->protocol().recall_thresholds);
    ap.push_back(weighted.back()(std::vector<uint16_t>(ids.size(), 1)));
  }
  const std::vector<std::vector<double>> drawn = bootstrap(weighted, samples, seed);
  std::vector<Compared> out;
  for (size_t i = 1; i < contenders.size(); ++i) {
    const Difference d = difference(drawn[0], drawn[i]);
    out.push_back({name(contenders[i]->iou_type()), names[0], names[i], ap[0], ap[i], d.low, d.high, d.above, samples});
  }
  return out;
}

}  // namespace sil
