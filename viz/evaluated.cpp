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

// What takes long, each when it is first asked for: the numbers need no overlaps, the overlaps no explanation.
struct Evaluated::Measured {
  struct Type {
    std::once_flag paired, explained;
    std::vector<Pairs> pairs;  // by photo
    Explanation explanation;
  };
  struct Kept {
    std::once_flag once;
    std::shared_ptr<const std::string> bytes;
  };
  std::once_flag evaluated;
  std::unique_ptr<Evaluation> evaluation;
  Type bbox, segm;
  std::mutex mutex;
  std::map<std::string, Kept> kept;  // of names that there are

  Type& of(const std::string& type) { return type == "bbox" ? bbox : segm; }
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

const Evaluation& Evaluated::evaluation() {
  std::call_once(measured_->evaluated, [&] {
    auto made = std::make_unique<Evaluation>(gallery_->annotations(), EvaluationOptions{.torchmetrics = false});
    const Results results = view(detections_, name_);
    made->add_all({&results, 1});
    measured_->evaluation = std::move(made);
  });
  return *measured_->evaluation;
}

const Evaluator& Evaluated::evaluator(const std::string& type) {
  return type == "bbox" ? *evaluation().bbox() : *evaluation().segm();
}

const std::vector<Pairs>& Evaluated::pairs(const std::string& type) {
  Measured::Type& one = measured_->of(type);
  std::call_once(one.paired, [&] {
    std::vector<Pairs> made(gallery_->size());
    parallel_for(int64_t(gallery_->size()), 8, [&](int64_t begin, int64_t end) {
      for (size_t row = size_t(begin); row < size_t(end); ++row) {
        std::vector<const Detection*> found;
        for (size_t i = first_[row]; i < first_[row + 1]; ++i) found.push_back(&ranked(i));
        made[row] =
            pairs_of(type == "bbox" ? IouType::bbox : IouType::segm, gallery_->annotations(), row, found, found.size());
      }
    });
    one.pairs = std::move(made);
  });
  return one.pairs;
}

const Explanation& Evaluated::explanation(const std::string& type) {
  Measured::Type& one = measured_->of(type);
  std::call_once(one.explained,
                 [&] { one.explanation = explain(gallery_->annotations(), pairs(type), evaluator(type)); });
  return one.explanation;
}

std::unique_ptr<Evaluated::Item> Evaluated::get(const std::string& name) {
  const auto json = [](std::string text) {
    return std::make_unique<Item>(Item{false, std::make_shared<const std::string>(std::move(text))});
  };
  if (const auto row = number_behind(name, "objects/", gallery_->size())) return json(objects(*row));
  if (const auto row = number_behind(name, "outlines/", gallery_->size())) return json(outlines(*row));
  const std::vector<Whole> all = of_all_photos();
  const auto whole = std::ranges::find(all, name, &Whole::name);
  if (whole == all.end()) return nullptr;
  Measured::Kept& kept = [&]() -> Measured::Kept& {
    const std::lock_guard lock(measured_->mutex);
    return measured_->kept[name];
  }();
  std::call_once(kept.once, [&] { kept.bytes = std::make_shared<const std::string>(whole->make()); });
  return std::make_unique<Item>(Item{whole->binary, kept.bytes});
}

std::vector<std::string> Evaluated::names_of_all_photos() {
  std::vector<std::string> out;
  for (const Whole& whole : of_all_photos()) out.push_back(whole.name);
  return out;
}

std::vector<Evaluated::Whole> Evaluated::of_all_photos() {
  std::vector<Whole> out{{"summary", false, [this] { return summary(); }},
                         {"detections", true, [this] { return detections(); }}};
  for (const std::string type : {"bbox", "segm"}) {
    out.push_back({"overlaps/" + type, true, [=, this] { return overlaps(type); }});
    out.push_back({"confusion/" + type, true, [=, this] { return confusion(type); }});
    out.push_back({"curves/" + type, true, [=, this] { return curves(type); }});
    out.push_back({"losses/" + type, false, [=, this] { return losses(type); }});
    out.push_back({"explanation/" + type, false, [=, this] { return to_json({}, {&explanation(type), 1}); }});
  }
  return out;
}

std::string Evaluated::summary() {
  std::vector<std::string> warnings;
  for (const std::string& w : evaluation().warnings()) warnings.push_back(json_string(gallery_->without_folders(w)));
  const std::vector<IouType> types{IouType::bbox, IouType::segm};
  const Protocol& protocol = evaluator("segm").protocol();
  std::vector<Cause> why = causes(gallery_->annotations(), detections_, protocol, types);
  for (Cause& cause : why) cause.text = gallery_->without_folders(cause.text);
  return fmt::format(
      R"({{"name":{},"detections":{},"area_of_box":{},"warnings":[{}],"metrics":{},"explain":{},"iou_thresholds":[{}]}})",
      json_string(name_), detections_.size(), area_of_box_, fmt::join(warnings, ","), to_json(evaluation().metrics()),
      to_json(why, {}), fmt::join(protocol.iou_thresholds, ","));
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
  uint32_t count = 0, object = 0;
  for (const Pairs& photo : pairs(type)) {
    for (size_t d = 0; d < photo.detections.size(); ++d) {
      firsts.put(count);
      for (size_t g = 0; g < photo.objects.size(); ++g) {
        if (photo.objects[g].category_id != photo.detections[d].category_id || !(photo.iou(d, g) > 0)) continue;
        ious.put(photo.iou(d, g));
        objects.put(uint32_t(object + g));
        ++count;
      }
    }
    object += uint32_t(photo.objects.size());
  }
  firsts.put(count);
  return ious.bytes() + firsts.bytes() + objects.bytes();
}

std::string Evaluated::confusion(const std::string& type) {
  const Confusion& matrix = explanation(type).confusion;
  ByteWriter rows, truths, found;
  for (size_t row = 0; row < gallery_->size(); ++row) {
    for (const Confusion::Entry& e : matrix.entries(best_of(pairs(type)[row]))) {
      rows.put(uint32_t(row));
      truths.put(uint16_t(e.truth));
      found.put(uint16_t(e.found));
    }
  }
  return rows.bytes() + truths.bytes() + found.bytes();
}

std::string Evaluated::curves(const std::string& type) {
  const Accumulated x = evaluator(type).accumulate();
  ByteWriter out;
  for (size_t i = 0; i < x.T * x.R * x.K; ++i) out.put(float(x.precision[i * x.A * x.M + x.M - 1]));
  return out.bytes();
}

std::string Evaluated::losses(const std::string& type) {
  const Evaluator& e = evaluator(type);
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
  const Photo photo = gallery_->shown(row);
  std::string out = "[";
  for (size_t i = first_[row]; i < first_[row + 1]; ++i) {
    const Detection& d = ranked(i);
    const auto k = a.category_row.find(d.category_id);
    out += fmt::format(R"({}{{"score":{},"class":{},"category_id":{},"bbox":{}{}}})", i > first_[row] ? "," : "",
                       json_or_null(d.score), k == a.category_row.end() ? -1 : int64_t(k->second), d.category_id,
                       list(box_of(d)), mask_json(as_annotation(d, int64_t(i)), photo));
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
