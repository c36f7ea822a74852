#include "data/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/plain_json.h"
#include "data/record_json.h"
#include "tensor/atomic_file.h"
#include "tensor/check.h"

namespace sil {

namespace {

bool read_plain(PlainJson& json, MaskView& mask) {
  static thread_local std::vector<uint32_t> runs;  // only seen to be sound: they are decoded again where they count
  RleText text;
  if (!json.rle(text, runs)) return false;
  mask = text;
  return true;
}

// An integer past 2^53 is no double.
bool is_odd(double score) { return std::abs(score) >= 0x1p53; }

bool read_plain(JsonReader& reader, DetectionView& d) {
  PlainJson json(reader);
  bool image_id = false, category_id = false, score = false;
  const auto value = [&](std::string_view key) {
    if (key == "image_id") return image_id = json.integer(d.image_id);
    if (key == "category_id") return category_id = json.integer(d.category_id);
    if (key == "score") return score = json.number(d.score);
    if (key == "bbox") return d.has_bbox = json.box(d.bbox);
    if (key == "segmentation") return read_plain(json, d.mask);
    if (key == "caption") return false;
    return json.skip(reader);
  };
  if (!json.object(value) || !image_id || !category_id || !score || is_odd(d.score)) return false;
  reader.rewind(json.position());
  return true;
}

// odd: a box of null or [], a mask that is no compressed run lengths or polygons, a caption, a large score.
Detection read_any(JsonReader& reader, bool& odd) {
  Detection d;
  bool image_id = false, category_id = false, score = false;
  reader.begin_object("the record");
  for (std::string key; reader.next_key(key);) {
    if (key == "image_id")
      d.image_id = reader.integer(key), image_id = true;
    else if (key == "category_id")
      d.category_id = reader.integer(key), category_id = true;
    else if (key == "score")
      d.score = reader.number(key), score = true, odd |= is_odd(d.score);
    else if (key == "bbox")
      d.has_bbox = read_box(reader, d.bbox), odd |= !d.has_bbox;
    else if (key == "segmentation")
      d.segmentation = read_segmentation(reader), odd |= !std::holds_alternative<std::vector<Polygon>>(d.segmentation);
    else
      reader.skip(), odd |= key == "caption";
  }
  require(image_id, "image_id");
  require(category_id, "category_id");
  require(score, "score");
  return d;
}

std::string detection_text(const Detection& d, const Annotations* photos) {
  std::string text = fmt::format(R"({{"image_id": {}, "category_id": {}, "score": {})", d.image_id, d.category_id,
                                 json_number(d.score));
  if (d.has_bbox) text += ", \"bbox\": " + box_text(d.bbox);
  if (!std::holds_alternative<std::monostate>(d.segmentation))
    text += ", \"segmentation\": " + segmentation_text(d.segmentation, RleKind::compressed);
  if (photos)
    if (const auto row = photos->photo_row.find(d.image_id); row != photos->photo_row.end())
      text += ", \"file_name\": " + json_string(photos->photos[row->second].file_name);
  return text + '}';
}

void read_detection(JsonReader& reader, Results::List& list) {
  DetectionView d;
  const size_t begin = reader.position();
  if (read_plain(reader, d)) {
    if (list.detections.empty())  // the others are about as long
      list.detections.reserve(list.bytes / (reader.position() - begin) + list.bytes / 1024);
    return list.detections.push_back(d);
  }
  reader.rewind(begin);
  list.add(read_any(reader, list.odd));
}

Segmentation copy(const MaskView& mask) {
  if (const auto* text = std::get_if<RleText>(&mask)) return to_rle(*text);
  if (const auto* runs = std::get_if<const Rle*>(&mask)) return **runs;
  if (const auto* parts = std::get_if<const std::vector<Polygon>*>(&mask)) return **parts;
  return {};
}

}  // namespace

DetectionView view(const Detection& d) {
  return {d.image_id, d.category_id, d.score, d.bbox, view(d.segmentation), d.has_bbox};
}

void Results::List::add(Detection d) {
  DetectionView& added = detections.emplace_back(view(d));
  if (std::holds_alternative<std::monostate>(d.segmentation)) return;
  masks.push_back(std::make_unique<Segmentation>(std::move(d.segmentation)));
  added.mask = view(*masks.back());
}

size_t Results::size() const {
  size_t sum = 0;
  for (const List& list : lists) sum += list.detections.size();
  return sum;
}

bool Results::odd() const { return std::ranges::any_of(lists, &List::odd); }

Results view(std::span<const Detection> detections, std::string source) {
  Results results{std::move(source), {}, {}};
  auto& views = results.lists.emplace_back().detections;
  views.reserve(detections.size());
  for (const Detection& d : detections) views.push_back(view(d));
  return results;
}

Results read_result_views(const std::filesystem::path& path) {
  Results results{path.string(), FileText(path), {}};
  JsonReader reader(results.text->view(), results.source);
  try {
    results.lists =
        read_record_lists<Results::List>(reader, results.source, "the file", "detection", nullptr, read_detection);
    reader.finish();
  } catch (const WrongValue& e) {
    fail("{}: {} (results are an array of detections)", results.source, e.what());
  }
  return results;
}

std::vector<Detection> to_detections(std::span<const Results> all) {
  size_t count = 0;
  for (const Results& results : all) count += results.size();
  std::vector<Detection> out;
  out.reserve(count);
  for (const Results& results : all)
    for (const Results::List& list : results.lists)
      for (const DetectionView& d : list.detections)
        out.push_back({d.image_id, d.category_id, d.score, d.bbox, d.has_bbox, copy(d.mask)});
  return out;
}

std::vector<Detection> read_results(const std::filesystem::path& path) {
  const Results results = read_result_views(path);
  return to_detections({&results, 1});
}

void write_results(const std::filesystem::path& path, const std::vector<Detection>& detections,
                   const Annotations* photos) {
  write_atomically(path, [&](std::ostream& out) {
    const char* between = "[\n";
    for (size_t i = 0; i < detections.size(); ++i) {
      try {
        out << between << detection_text(detections[i], photos);
      } catch (const Error& e) {
        fail("{}: detection [{}]: {}", path.string(), i, e.what());
      }
      between = ",\n";
    }
    out << (detections.empty() ? "[]\n" : "\n]\n");
  });
}

}  // namespace sil
