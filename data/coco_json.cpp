#include "data/coco_json.h"

#include <fmt/format.h>

#include <cmath>

#include "data/file_text.h"
#include "data/plain_json.h"
#include "data/record_json.h"
#include "tensor/atomic_file.h"
#include "tensor/check.h"

namespace sil {

namespace {

int read_side(JsonReader& reader, const std::string& key) {
  const int64_t side = reader.integer(key);
  if (side < 1 || side > int64_t(1) << 24) throw WrongValue(fmt::format("{} is {}; 1 to 16777216 expected", key, side));
  return int(side);
}

std::string read_text_or_null(JsonReader& reader, const std::string& key) {
  if (reader.kind() != JsonReader::Kind::null) return read_name(reader, key);
  reader.skip();
  return {};
}

Photo read_photo(JsonReader& reader) {
  Photo photo;
  bool id = false, width = false, height = false;
  reader.begin_object("the record");
  for (std::string key; reader.next_key(key);) {
    if (key == "id")
      photo.id = reader.integer(key), id = true;
    else if (key == "file_name")
      photo.file_name = read_name(reader, key);
    else if (key == "width")
      photo.width = read_side(reader, key), width = true;
    else if (key == "height")
      photo.height = read_side(reader, key), height = true;
    else
      reader.skip();
  }
  require(id, "id");
  require(width, "width");
  require(height, "height");
  return photo;
}

Category read_category(JsonReader& reader) {
  Category category;
  bool id = false;
  reader.begin_object("the record");
  for (std::string key; reader.next_key(key);) {
    if (key == "id")
      category.id = reader.integer(key), id = true;
    else if (key == "name")
      category.name = read_name(reader, key);
    else if (key == "supercategory")
      category.supercategory = read_text_or_null(reader, key);
    else
      reader.skip();
  }
  require(id, "id");
  if (category.name.empty()) category.name = std::to_string(category.id);
  return category;
}

bool read_crowd(JsonReader& reader, const std::string& key) {
  if (reader.kind() == JsonReader::Kind::boolean) return reader.boolean(key);
  const int64_t value = reader.integer(key);
  if (value != 0 && value != 1) throw WrongValue(fmt::format("{} is {}; 0 or 1 expected", key, value));
  return value == 1;
}

// [[x, y, ...], ...]
bool read_plain(PlainJson& json, std::vector<Polygon>& parts) {
  static thread_local Polygon part;
  if (!json.take('[')) return false;
  if (json.take(']')) return true;
  do {
    part.clear();
    if (!json.numbers(part)) return false;
    parts.push_back(part);
  } while (json.take(','));
  return json.take(']');
}

bool read_plain(PlainJson& json, Segmentation& segmentation) {
  const size_t begin = json.position();
  if (std::vector<Polygon> parts; read_plain(json, parts)) {
    segmentation = std::move(parts);
    return true;
  }
  json.rewind(begin);
  RleText text;
  Rle mask;
  if (!json.rle(text, mask.counts)) return false;
  mask.height = text.height, mask.width = text.width;
  segmentation = std::move(mask);
  return true;
}

bool read_plain(JsonReader& reader, Annotation& a) {
  PlainJson json(reader);
  bool id = false, image_id = false, category_id = false;
  const auto crowd = [&] {
    int64_t value = -1;
    const bool plain = json.integer(value) && (value == 0 || value == 1);
    a.crowd = value == 1;
    return plain;
  };
  const auto value = [&](std::string_view key) {
    if (key == "id") return id = json.integer(a.id);
    if (key == "image_id") return image_id = json.integer(a.image_id);
    if (key == "category_id") return category_id = json.integer(a.category_id);
    if (key == "bbox") return a.has_bbox = json.box(a.bbox);
    if (key == "area") return a.has_area = json.number(a.area);
    if (key == "iscrowd") return crowd();
    if (key == "segmentation") return read_plain(json, a.segmentation);
    return json.skip(reader);
  };
  if (!json.object(value) || !id || !image_id || !category_id) return false;
  reader.rewind(json.position());
  return true;
}

Annotation read_any(JsonReader& reader) {
  Annotation a;
  bool id = false, image_id = false, category_id = false;
  reader.begin_object("the record");
  for (std::string key; reader.next_key(key);) {
    if (key == "id")
      a.id = reader.integer(key), id = true;
    else if (key == "image_id")
      a.image_id = reader.integer(key), image_id = true;
    else if (key == "category_id")
      a.category_id = reader.integer(key), category_id = true;
    else if (key == "bbox")
      a.has_bbox = read_box(reader, a.bbox);
    else if (key == "area")
      a.area = reader.number(key), a.has_area = true;
    else if (key == "iscrowd")
      a.crowd = read_crowd(reader, key);
    else if (key == "segmentation")
      a.segmentation = read_segmentation(reader);
    else
      reader.skip();
  }
  require(id, "id");
  require(image_id, "image_id");
  require(category_id, "category_id");
  return a;
}

void read_annotation(JsonReader& reader, std::vector<Annotation>& list) {
  Annotation a;
  const size_t begin = reader.position();
  if (!read_plain(reader, a)) {
    reader.rewind(begin);
    a = read_any(reader);
  }
  list.push_back(std::move(a));
}

template <class Record>
std::vector<Record> joined(std::vector<std::vector<Record>> lists) {
  std::vector<Record> all;
  size_t size = 0;
  for (const auto& list : lists) size += list.size();
  all.reserve(size);
  for (auto& list : lists) all.insert(all.end(), std::move_iterator(list.begin()), std::move_iterator(list.end()));
  return all;
}

void read_file_object(JsonReader& reader, const std::string& source, Annotations& all, std::vector<Fault>* faults) {
  bool images = false;
  reader.begin_object("the file");  // of a key given twice the last counts, as in Python
  for (std::string key; reader.next_key(key);) {
    if (key == "images") {
      images = true;
      all.photos = joined(read_record_lists<std::vector<Photo>>(
          reader, source, key, "image", faults, [](JsonReader& r, auto& list) { list.push_back(read_photo(r)); }));
    } else if (key == "annotations") {
      all.annotations = joined(
          read_record_lists<std::vector<Annotation>>(reader, source, key, "annotation", faults, read_annotation));
    } else if (key == "categories") {
      all.categories.clear();
      read_records(reader, source, key, "category", faults, [&] { all.categories.push_back(read_category(reader)); });
    } else {
      reader.skip();
    }
  }
  reader.finish();
  require(images, "images");
}

std::string photo_text(const Photo& photo) {
  return fmt::format(R"({{"id": {}, "file_name": {}, "width": {}, "height": {}}})", photo.id,
                     json_string(photo.file_name), photo.width, photo.height);
}

std::string category_text(const Category& category) {
  return fmt::format(R"({{"id": {}, "name": {}, "supercategory": {}}})", category.id, json_string(category.name),
                     json_string(category.supercategory));
}

std::string annotation_text(const Annotation& a, RleKind kind) {
  std::string text = fmt::format(R"({{"id": {}, "image_id": {}, "category_id": {}, "iscrowd": {})", a.id, a.image_id,
                                 a.category_id, a.crowd ? 1 : 0);
  if (a.has_bbox) text += ", \"bbox\": " + box_text(a.bbox);
  if (a.has_area) text += ", \"area\": " + json_number(a.area);
  if (!std::holds_alternative<std::monostate>(a.segmentation))
    text += ", \"segmentation\": " + segmentation_text(a.segmentation, kind);
  return text + '}';
}

template <class Record, class Text>
void write_list(std::ostream& out, const char* key, const std::vector<Record>& records, Text text) {
  out << '"' << key << "\": [";
  const char* between = "\n";
  for (const Record& record : records) {
    out << between << text(record);
    between = ",\n";
  }
  out << "\n]";
}

}  // namespace

Annotations read_coco(const std::filesystem::path& path, std::vector<Fault>* faults) {
  const std::string source = path.string();
  const FileText text(path);
  JsonReader reader(text.view(), source);
  Annotations all;
  try {
    read_file_object(reader, source, all, faults);
  } catch (const WrongValue& e) {
    fail("{}: {} (a COCO file is an object with images, annotations and categories)", source, e.what());
  }
  return all;
}

void write_coco(const std::filesystem::path& path, const Annotations& all, RleKind kind) {
  write_atomically(path, [&](std::ostream& out) {
    out << "{";
    write_list(out, "images", all.photos, photo_text);
    out << ",\n";
    write_list(out, "categories", all.categories, category_text);
    out << ",\n";
    write_list(out, "annotations", all.annotations, [&](const Annotation& a) {
      try {
        return annotation_text(a, kind);
      } catch (const Error& e) {
        fail("{}: annotation {}: {}", all.source.empty() ? path.string() : all.source, a.id, e.what());
      }
    });
    out << "}\n";
  });
}

}  // namespace sil
