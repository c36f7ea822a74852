// COCO's results file: an array of detections.
#include <fmt/format.h>

#include "data/record_json.h"
#include "tensor/atomic_file.h"
#include "tensor/check.h"

namespace sil {

namespace {

Detection read_detection(JsonReader& reader) {
  Detection d;
  bool image_id = false, category_id = false, score = false;
  reader.begin_object("the record");
  for (std::string key; reader.next_key(key);) {
    if (key == "image_id")
      d.image_id = reader.integer(key), image_id = true;
    else if (key == "category_id")
      d.category_id = reader.integer(key), category_id = true;
    else if (key == "score")
      d.score = reader.number(key), score = true;
    else if (key == "bbox")
      d.has_bbox = read_box(reader, d.bbox);
    else if (key == "segmentation")
      d.segmentation = read_segmentation(reader);
    else
      reader.skip();
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

}  // namespace

std::vector<Detection> read_results(const std::filesystem::path& path) {
  const std::string source = path.string(), text = read_file(path);
  JsonReader reader(text, source);
  std::vector<Detection> detections;
  try {
    read_records(reader, source, "the file", "detection", nullptr,
                 [&] { detections.push_back(read_detection(reader)); });
    reader.finish();
  } catch (const WrongValue& e) {
    fail("{}: {} (results are an array of detections)", source, e.what());
  }
  return detections;
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
