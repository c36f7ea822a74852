#include "viz/evaluated.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <numeric>

#include "data/json_reader.h"
#include "data/results.h"
#include "eval/ap_without.h"
#include "eval/bytes.h"
#include "eval/evaluation.h"
#include "eval/explanation.h"
#include "eval/pairs.h"
#include "eval/rank.h"
#include "tensor/check.h"
#include "tensor/threads.h"
#include "viz/numbered.h"
#include "viz/object_json.h"

namespace sil {
namespace {

Annotation as_annotation(const Detection& d, int64_t id) {
  Annotation a;
  a.id = id;
  a.category_id = d.category_id;
  a.bbox = box_of(d);
  a.has_bbox = true;
  a.segmentation = d.segmentation;
  return a;
}

}  // namespace

// What takes long, all at once: most of it is the overlaps, and all of it needs them; and what was made of it.
struct Evaluated::Measured {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<const std::string>> made;
  std::once_flag once;
  std::unique_ptr<Evaluation> evaluation;
  struct Type {
    Explanation explanation;
    std::vector<Pairs> pairs;  // by photo
  };
  Type bbox, segm;

  const Type& of(const std::string& type) const { return type == "bbox" ? bbox : segm; }
  const Evaluator& evaluator(const std::string& type) const {
    return type == "bbox" ? *evaluation->bbox() : *evaluation->segm();
  }
};

Evaluated::Evaluated(const Gallery& gallery, std::string name, std::vector<Detection> detections)
    : gallery_(&gallery),
      name_(std::move(name)),
      detections_(std::move(detections)),
      order_(detections_.size()),
      measured_(std::make_unique<Measured>()) {
  const Annotations& a = gallery.annotations();
  check_photos(a, view(detections_, name_));
  area_of_box_ = !detections_.empty() && detections_[0].has_bbox;
  std::vector<size_t> rows;
  for (const Detection& d : detections_) rows.push_back(a.photo_row.at(d.image_id));
  std::iota(order_.begin(), order_.end(), 0u);
  std::ranges::stable_sort(order_, [&](uint32_t x, uint32_t y) {
    return rows[x] != rows[y] ? rows[x] < rows[y] : ranks_before(detections_[x].score, detections_[y].score);
  });
  first_.assign(gallery.size() + 1, 0);
  for (const size_t row : rows) ++first_[row + 1];
  for (size_t row = 0; row < gallery.size(); ++row) first_[row + 1] += first_[row];
}

Evaluated::Evaluated(Evaluated&&) noexcept = default;
Evaluated::~Evaluated() = default;

const Evaluated::Measured& Evaluated::measured() {
  std::call_once(measured_->once, [&] {
    const Annotations& a = gallery_->annotations();
    Measured& m = *measured_;
    m.evaluation = std::make_unique<Evaluation>(a, EvaluationOptions{.torchmetrics = false});
    const Results results = view(detections_, name_);
    m.evaluation->add_all({&results, 1});
    for (const IouType type : {IouType::bbox, IouType::segm}) {
      Measured::Type& one = type == IouType::bbox ? m.bbox : m.segm;
      one.pairs.resize(gallery_->size());
      parallel_for(int64_t(gallery_->size()), 8, [&](int64_t begin, int64_t end) {
        for (size_t row = size_t(begin); row < size_t(end); ++row) {
          std::vector<const Detection*> found;
          for (size_t i = first_[row]; i < first_[row + 1]; ++i) found.push_back(&ranked(i));
          one.pairs[row] = pairs_of(type, a, row, found, found.size());
        }
      });
      one.explanation = explain(a, one.pairs, m.evaluator(type == IouType::bbox ? "bbox" : "segm"));
    }
  });
  return *measured_;
}

std::unique_ptr<Evaluated::Item> Evaluated::get(const std::string& name) {
  const auto json = [](std::string text) {
    return std::make_unique<Item>(Item{false, std::make_shared<const std::string>(std::move(text))});
  };
  if (const auto row = number_behind(name, "objects/", gallery_->size())) return json(objects(*row));
  if (const auto row = number_behind(name, "outlines/", gallery_->size())) return json(outlines(*row));
  const std::lock_guard lock(measured_->mutex);
  auto kept = measured_->made.find(name);
  if (kept == measured_->made.end()) {
    std::optional<std::string> text = made(name);
    if (!text) return nullptr;
    kept = measured_->made.emplace(name, std::make_shared<const std::string>(std::move(*text))).first;
  }
  return std::make_unique<Item>(Item{name != "summary" && !name.starts_with("losses/"), kept->second});
}

std::optional<std::string> Evaluated::made(const std::string& name) {
  if (name == "summary") return summary();
  if (name == "detections") return detections();
  for (const std::string type : {"bbox", "segm"}) {
    if (name == "overlaps/" + type) return overlaps(type);
    if (name == "confusion/" + type) return confusion(type);
    if (name == "curves/" + type) return curves(type);
    if (name == "losses/" + type) return losses(type);
  }
  return std::nullopt;
}

std::string Evaluated::summary() {
  const Measured& m = measured();
  const std::vector<Explanation> explanations{m.bbox.explanation, m.segm.explanation};
  std::vector<std::string> warnings;
  for (const std::string& w : m.evaluation->warnings()) warnings.push_back(json_string(gallery_->without_folders(w)));
  const std::vector<IouType> types{IouType::bbox, IouType::segm};
  std::vector<Cause> why = causes(gallery_->annotations(), detections_, m.evaluator("segm").protocol(), types);
  for (Cause& cause : why) cause.text = gallery_->without_folders(cause.text);
  return fmt::format(
      R"({{"name":{},"detections":{},"area_of_box":{},"warnings":[{}],"metrics":{},"explain":{},"iou_thresholds":[{}]}})",
      json_string(name_), detections_.size(), area_of_box_, fmt::join(warnings, ","), to_json(m.evaluation->metrics()),
      to_json(why, explanations), fmt::join(m.evaluator("segm").protocol().iou_thresholds, ","));
}

std::string Evaluated::detections() const {
  const Annotations& a = gallery_->annotations();
  ByteWriter out;
  for (size_t i = 0; i < order_.size(); ++i) out.put(ranked(i).score);
  for (const size_t first : first_) out.put(uint32_t(first));
  for (size_t i = 0; i < order_.size(); ++i) {
    const auto k = a.category_row.find(ranked(i).category_id);
    out.put(uint16_t(k == a.category_row.end() ? 65535 : std::min<size_t>(k->second, 65535)));
  }
  const AreaRange all = Protocol::coco().areas[0];
  for (size_t i = 0; i < order_.size(); ++i) {
    const std::array<double, 4> box = box_of(ranked(i));
    const double area = box[2] * box[3];
    out.put(uint8_t(area < all.low || area > all.high));
  }
  return out.bytes();
}

std::string Evaluated::overlaps(const std::string& type) {
  ByteWriter ious, firsts, objects;
  uint32_t pairs = 0, object = 0;
  for (const Pairs& photo : measured().of(type).pairs) {
    for (size_t d = 0; d < photo.detections.size(); ++d) {
      firsts.put(pairs);
      for (size_t g = 0; g < photo.objects.size(); ++g) {
        if (photo.objects[g].category_id != photo.detections[d].category_id || !(photo.iou(d, g) > 0)) continue;
        ious.put(photo.iou(d, g));
        objects.put(uint32_t(object + g));
        ++pairs;
      }
    }
    object += uint32_t(photo.objects.size());
  }
  firsts.put(pairs);
  return ious.bytes() + firsts.bytes() + objects.bytes();
}

std::string Evaluated::confusion(const std::string& type) {
  const Measured& m = measured();
  const Confusion& matrix = m.of(type).explanation.confusion;
  ByteWriter rows, truths, found;
  for (size_t row = 0; row < gallery_->size(); ++row) {
    for (const Confusion::Entry& e : matrix.entries(best_of(m.of(type).pairs[row]))) {
      rows.put(uint32_t(row));
      truths.put(uint16_t(e.truth));
      found.put(uint16_t(e.found));
    }
  }
  return rows.bytes() + truths.bytes() + found.bytes();
}

std::string Evaluated::curves(const std::string& type) {
  const Accumulated x = measured().evaluator(type).accumulate();
  ByteWriter out;
  for (size_t i = 0; i < x.T * x.R * x.K; ++i) out.put(float(x.precision[i * x.A * x.M + x.M - 1]));
  return out.bytes();
}

std::string Evaluated::losses(const std::string& type) {
  const Evaluator& e = measured().evaluator(type);
  const Annotations& a = gallery_->annotations();
  std::vector<int64_t> ids;
  for (const size_t row : photo_rows(a)) ids.push_back(a.photos[row].id);
  const std::vector<double> losses = ap_without_each(e.matches(), ids, e.protocol().recall_thresholds);
  std::vector<std::string> out(a.photos.size(), "null");
  for (size_t i = 0; i < ids.size(); ++i) out[a.photo_row.at(ids[i])] = json_or_null(losses[i]);
  return fmt::format("[{}]", fmt::join(out, ","));
}

std::string Evaluated::objects(size_t row) const {
  const Annotations& a = gallery_->annotations();
  std::string out = "[";
  for (size_t i = first_[row]; i < first_[row + 1]; ++i) {
    const Detection& d = ranked(i);
    const auto k = a.category_row.find(d.category_id);
    out += fmt::format(R"({}{{"score":{},"class":{},"category_id":{},"bbox":{}{}}})", i > first_[row] ? "," : "",
                       json_or_null(d.score), k == a.category_row.end() ? -1 : int64_t(k->second), d.category_id,
                       list(box_of(d)), mask_json(as_annotation(d, int64_t(i)), a.photos[row]));
  }
  return out + "]";
}

std::string Evaluated::outlines(size_t row) const {
  std::string out = "[";
  for (size_t i = first_[row]; i < first_[row + 1]; ++i)
    out += fmt::format(R"({}[{},"{}"])", i > first_[row] ? "," : "", list(box_of(ranked(i))),
                       thumbnail_path(as_annotation(ranked(i), int64_t(i)), gallery_->annotations().photos[row]));
  return out + "]";
}

}  // namespace sil
