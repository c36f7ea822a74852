#include "data/label_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "data/image.h"
#include "data/record_json.h"
#include "tensor/check.h"

namespace sil {

namespace fs = std::filesystem;

namespace {

// Regular files, hidden ones left out, sorted by name.  Links that lead nowhere and names that JSON cannot hold are
// faults.
std::vector<fs::path> files_of(const fs::path& folder, std::vector<Fault>* faults) {
  std::error_code error;
  check(fs::is_directory(folder, error), "{}: no such folder; a label-schema data set has images/ and labels/",
        folder.string());
  std::vector<fs::path> files;
  const fs::directory_iterator entries(folder, error);
  check(!error, "{}: cannot be read: {}", folder.string(), error.message());
  for (const fs::directory_entry& entry : entries) {
    const std::string path = entry.path().string(), file_name = entry.path().filename().string();
    if (file_name[0] == '.') continue;
    const fs::file_status status = fs::status(entry.path(), error);
    if (!fs::exists(status))
      report(faults, {path, {}, fmt::format("{}: cannot be read: {}", path, error.message())});
    else if (utf8_prefix(file_name) < file_name.size())
      report(faults, {path, {}, fmt::format("{}: its name is not UTF-8, so JSON cannot hold it", path)});
    else if (fs::is_regular_file(status))
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// [x, y, x, y, ...] or [[x, y], ...].
Polygon read_polygon(JsonReader& reader) {
  Polygon polygon;
  bool points = false;
  reader.begin_array("polygon");
  while (reader.next_item()) {
    const bool point_comes = reader.kind() == JsonReader::Kind::array;
    if (!polygon.empty() && point_comes != points)
      throw WrongValue("polygon mixes numbers and points; [x, y, x, y, ...] or [[x, y], ...] expected");
    points = point_comes;
    if (!points) {
      polygon.push_back(reader.number("polygon[]"));
      continue;
    }
    const std::vector<double> point = read_numbers(reader, "polygon[]");
    if (point.size() != 2)
      throw WrongValue(fmt::format("polygon has a point of {} numbers; x, y expected", point.size()));
    polygon.insert(polygon.end(), point.begin(), point.end());
  }
  return polygon;
}

void check_inside(const fs::path& mask_path) {
  const fs::path path = mask_path.lexically_normal();
  if (path.empty() || path.is_absolute() || *path.begin() == "..")
    throw WrongValue(
        fmt::format("mask_path is {}; a path inside the data set's folder expected", json_string(mask_path.string())));
}

Rle read_mask(const fs::path& path, const Photo& photo) {
  try {
    const Tensor bits = read_grey(path);
    check(bits.dim(0) == photo.height && bits.dim(1) == photo.width,
          "{}: mask is {} x {}, its photo {} is {} x {} (width x height)", path.string(), bits.dim(1), bits.dim(0),
          photo.file_name, photo.width, photo.height);
    uint8_t inside = 0;
    for (const uint8_t v : std::span(bits.data<uint8_t>(), size_t(bits.numel()))) {
      if (inside == 0) inside = v;
      check(v == 0 || v == inside, "{}: mask holds {} and {}; 0 and one other value expected", path.string(), inside,
            v);
    }
    return encode(bits);
  } catch (const Error& e) {
    throw WrongValue(fmt::format("mask_path: {}", e.what()));
  }
}

bool finite(const Polygon& polygon) {
  return polygon.size() % 2 == 0 &&
         std::all_of(polygon.begin(), polygon.end(), [](double v) { return std::abs(v) < 1e12; });
}

struct ClassName {
  std::string name, first_seen;
};

class LabelReader {
 public:
  LabelReader(const fs::path& folder, std::vector<Fault>* faults, Exif exif)
      : folder_(folder), faults_(faults), exif_(exif) {}

  Annotations read() {
    std::map<std::string, fs::path> labels;  // by stem
    for (const fs::path& file : files_of(folder_ / "labels", faults_))
      if (file.extension() == ".json") labels[file.stem().string()] = all_.files.emplace_back(file);
    std::map<std::string, std::string> photo_of_stem;
    for (const fs::path& file : files_of(folder_ / "images", faults_)) {
      const std::string stem = file.stem().string();
      const auto [other, is_new] = photo_of_stem.emplace(stem, file.filename().string());
      if (is_new)
        read_photo(file, labels.contains(stem) ? &labels[stem] : nullptr);
      else
        report(faults_, {file.string(),
                         {},
                         fmt::format("{}: has the stem of {}, so labels/{}.json could mean either", file.string(),
                                     other->second, stem)});
    }
    for (const auto& [stem, file] : labels)
      if (!photo_of_stem.contains(stem))
        report(faults_,
               {file.string(), {}, fmt::format("{}: no photo images/{}.* belongs to it", file.string(), stem)});
    for (const auto& [id, seen] : classes_) all_.categories.push_back({id, seen.name, ""});
    return std::move(all_);
  }

 private:
  void read_photo(const fs::path& file, const fs::path* labels) {
    Photo photo{int64_t(all_.photos.size()) + 1, file.filename().string(), 0, 0};
    all_.files.push_back(file);
    try {
      const ImageInfo info = read_image_info(file, exif_);
      photo.width = info.width;
      photo.height = info.height;
    } catch (const Error& e) {
      return report(faults_, {file.string(), {}, e.what()});
    }
    all_.photos.push_back(photo);
    if (!labels) return;
    const std::string source = labels->string();
    try {
      const std::string text = read_file(*labels);
      JsonReader reader(text, source);
      int32_t instance = 0;
      read_records(reader, source, "the file", "instance", faults_,
                   [&] { read_instance(reader, photo, source, instance++); });
      reader.finish();
    } catch (const WrongValue& e) {
      report(faults_, {source, {}, fmt::format("{}: {} (of instances)", source, e.what())});
    } catch (const Error& e) {
      report(faults_, {source, {}, e.what()});
    }
  }

  void read_instance(JsonReader& reader, const Photo& photo, const std::string& source, int32_t instance) {
    Annotation a;
    a.id = next_id_++;
    a.instance = instance;
    a.image_id = photo.id;
    std::string type, class_name, mask_path;
    Polygon polygon;
    bool has_type = false, has_class = false, has_name = false, has_mask = false, has_polygon = false;
    reader.begin_object("the instance");
    for (std::string key; reader.next_key(key);) {
      if (key == "type")
        type = reader.string(key), has_type = true;
      else if (key == "class_id")
        a.category_id = reader.integer(key), has_class = true;
      else if (key == "class_name")
        class_name = read_name(reader, key), has_name = true;
      else if (key == "bbox")
        a.has_bbox = read_box(reader, a.bbox);
      else if (key == "mask_path" && reader.kind() != JsonReader::Kind::null)
        mask_path = read_name(reader, key), has_mask = true;
      else if (key == "polygon" && reader.kind() != JsonReader::Kind::null)
        polygon = read_polygon(reader), has_polygon = true;
      else
        reader.skip();
    }
    require(has_type, "type");
    if (type != "instance") throw WrongValue(fmt::format("type is {}; \"instance\" expected", json_string(type)));
    require(has_class, "class_id");
    require(has_name, "class_name");
    if (has_mask == has_polygon)
      throw WrongValue(has_mask ? "has both mask_path and polygon; one of them expected"
                                : "has neither mask_path nor polygon; one of them expected");
    if (has_mask) check_inside(mask_path);
    name_class(a.category_id, class_name, source);
    if (has_mask)
      set_mask(a, read_mask(all_.files.emplace_back(folder_ / mask_path), photo));
    else
      set_polygon(a, std::move(polygon), photo);
    all_.annotations.push_back(std::move(a));
  }

  void name_class(int64_t id, const std::string& name, const std::string& source) {
    const auto& [known, first_seen] = classes_.emplace(id, ClassName{name, source}).first->second;
    if (known != name)
      throw WrongValue(fmt::format("class_name of class_id {} is {}, but {} in {}; one name per id expected", id,
                                   json_string(name), json_string(known), first_seen));
  }

  static void set_mask(Annotation& a, Rle mask) {
    if (!a.has_bbox) a.bbox = bounding_box(mask);
    a.area = double(area(mask));
    a.has_bbox = a.has_area = true;
    a.segmentation = std::move(mask);
  }

  // What cannot be rasterised keeps its outline for doctor to find, and has no area.
  static void set_polygon(Annotation& a, Polygon polygon, const Photo& photo) {
    if (finite(polygon) && !polygon.empty()) {
      if (!a.has_bbox) a.bbox = bounding_box(std::span(&polygon, 1));
      a.area = double(area(rasterise(polygon, photo.height, photo.width)));
      a.has_bbox = a.has_area = true;
    }
    a.segmentation = std::vector<Polygon>{std::move(polygon)};
  }

  fs::path folder_;
  std::vector<Fault>* faults_;
  Exif exif_;
  Annotations all_;
  std::map<int64_t, ClassName> classes_;
  int64_t next_id_ = 1;
};

}  // namespace

Annotations read_labels(const fs::path& folder, std::vector<Fault>* faults, Exif exif) {
  return LabelReader(folder, faults, exif).read();
}

}  // namespace sil
