#include "eval/lenient_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <unordered_set>

#include "eval/numpy_scores.h"
#include "eval/python_value.h"
#include "tensor/check.h"

namespace sil {
namespace {

using Kind = PythonValue::Kind;

constexpr int64_t largest_side = int64_t(1) << 24;

// One file's text, and where its records stand.
struct Text {
  std::string source, text;
  explicit Text(const std::filesystem::path& path) : source(path.string()), text(read_file(path)) {}
};

// Calls take(index, record) for each of a list.  What Python iterates over without finding anything is a list, too.
void each_record(JsonReader& reader, const Text& file, const std::string& noun,
                 const std::function<void(size_t index, size_t position, const PythonValue&)>& take) {
  const JsonReader::Kind kind = reader.kind();
  if (kind != JsonReader::Kind::array) {
    const PythonValue value = read_python_value(reader, file.text);
    check((value.kind == Kind::dict && value.members.empty()) || (value.kind == Kind::string && value.text.empty()),
          "{}: the {}s are not an array", file.source, noun);
    return;
  }
  reader.begin_array(noun);
  for (size_t i = 0; reader.next_item(); ++i) {
    reader.kind();
    const size_t position = reader.position();
    const PythonValue record = read_python_value(reader, file.text);
    check(record.is_dict(), "{}: {} [{}] is not an object", file.source, noun, i);
    take(i, position, record);
  }
}

const PythonValue& member(const PythonValue& record, const char* key) {
  const PythonValue* value = record.find(key);
  check(value, "key {} is missing", key);
  return *value;
}

// Runs `read`; its errors are those of a record.
void in_record(const Text& file, const std::string& noun, size_t index, const std::function<void()>& read) {
  try {
    read();
  } catch (const Error& e) {
    fail("{}: {} [{}]: {}", file.source, noun, index, e.what());
  }
}

std::array<double, 4> box_of(const PythonValue& value, bool exactly_four) {
  check(value.is_list(), "bbox is not a list");
  check(exactly_four ? value.items.size() == 4 : value.items.size() >= 4,
        "bbox has {} numbers; x, y, width, height expected", value.items.size());
  std::array<double, 4> box;
  for (size_t i = 0; i < 4; ++i) box[i] = to_float(value.items[i], "bbox[]");
  return box;
}

// A side given to pycocotools' C code: a float is cut off, a string or null raises.
int64_t side_of(const PythonValue& value, const char* what) {
  check(value.kind != Kind::string, "{} is a string", what);
  return to_int(value, what, 0, largest_side);
}

struct Size {
  int64_t height, width;
};

Size size_of(const PythonValue& mask) {
  const PythonValue& size = member(mask, "size");
  check(size.is_list() && size.items.size() >= 2, "segmentation.size is not a list of height and width");
  return {side_of(size.items[0], "segmentation.size[0]"), side_of(size.items[1], "segmentation.size[1]")};
}

// numpy.array(counts, dtype=uint32)
Rle uncompressed(const PythonValue& mask) {
  check(mask.is_dict(), "segmentation mixes polygons and runs");
  const auto [height, width] = size_of(mask);
  const PythonValue& counts = member(mask, "counts");
  check(counts.is_list(), "segmentation.counts is not a list");
  std::vector<int64_t> runs;
  for (const PythonValue& n : counts.items) runs.push_back(to_int(n, "segmentation.counts[]", 0, UINT32_MAX));
  return from_counts(runs, height, width);
}

// A character means its low 6 bits after '0'; a NUL ends the string.
Rle compressed(const PythonValue& mask) {
  check(mask.is_dict(), "segmentation is {}; an RLE expected", mask.is_list() ? "a list" : "no object");
  const PythonValue& counts = member(mask, "counts");
  check(counts.kind == Kind::string, "segmentation.counts is not a string");
  const auto [height, width] = size_of(mask);
  std::string text = counts.text.substr(0, counts.text.find('\0'));
  for (char& c : text) c = char(48 + ((c - 48) & 63));
  return from_string(text, height, width);
}

Rle merged(const PythonValue& list) {
  std::vector<Rle> masks;
  for (const PythonValue& mask : list.items) masks.push_back(uncompressed(mask));
  for (const Rle& mask : masks)
    if (mask.height != masks[0].height || mask.width != masks[0].width) return {};
  return merge(masks);
}

// Compressed runs, as they seem: pycocotools hands them on unread.
bool is_handed_on(const PythonValue& mask) { return mask.is_dict() && !member(mask, "counts").is_list(); }

// pycocotools' annToRLE: `rasterises` is called where it needs the image's height and width as numbers.
Segmentation segmentation_of(const PythonValue& value, const std::function<void()>& rasterises) {
  if (is_handed_on(value)) return compressed(value);
  if (value.is_dict()) {
    rasterises();
    return uncompressed(value);
  }
  check(value.is_list(), "segmentation is neither a list nor an RLE");
  check(!value.items.empty(), "segmentation is empty");
  const PythonValue& first = value.items[0];
  rasterises();
  if (first.is_dict() && first.members.size() < 4) return merged(value);
  check(first.is_list() && first.items.size() > 4, "its first polygon is not a list of 6 or more numbers");
  std::vector<Polygon> parts;
  for (const PythonValue& part : value.items) {
    check(part.is_list(), "segmentation[{}] is not a list", parts.size());
    Polygon& points = parts.emplace_back();
    for (const PythonValue& x : part.items) points.push_back(to_float(x, "segmentation[][]"));
  }
  return parts;
}

class Reading {
 public:
  Reading(const std::filesystem::path& annotations, EvaluationOptions& options)
      : file_(annotations), options_(options) {}

  EvaluationFiles read(const std::vector<std::filesystem::path>& results) {
    read_lists();
    ask_for_codes();
    for (const auto& [i, position] : records_) read_annotation(i, position);
    all_.source = file_.source;
    all_.index();
    EvaluationFiles out;
    for (const std::filesystem::path& path : results) out.results.push_back(read_results(Text(path)));
    if (!results.empty()) scores_.check(options_.protocol.max_detections, results.back().string());
    out.annotations = std::move(all_);
    out.lenient = true;
    return out;
  }

 private:
  struct Sides {  // as the file has them
    std::optional<PythonValue> height, width;
  };

  // Where the file's lists stand; of a key given twice the last, whatever the first was.
  std::map<std::string, size_t> find_lists() const {
    std::map<std::string, size_t> out;
    JsonReader reader(file_.text, file_.source);
    reader.begin_object("the file");
    for (std::string key; reader.next_key(key);) {
      reader.kind();
      out[key] = reader.position();
      reader.skip();
    }
    reader.finish();
    return out;
  }

  // Images and categories; of annotations where they stand.
  void read_lists() {
    const std::map<std::string, size_t> lists = find_lists();
    const auto each = [&](const std::string& list, const std::string& noun, const auto& take) {
      const auto at = lists.find(list);
      if (at == lists.end()) return;
      JsonReader reader(file_.text, file_.source);
      reader.rewind(at->second);
      each_record(reader, file_, noun, take);
    };
    std::vector<PythonValue> images, categories;
    check(lists.contains("images"), "{}: key images is missing", file_.source);
    each("images", "image", [&](size_t i, size_t, const PythonValue& x) {
      in_record(file_, "image", i, [&] { images.push_back(read_photo(x)); });
    });
    each("categories", "category", [&](size_t i, size_t, const PythonValue& x) {
      in_record(file_, "category", i, [&] { categories.push_back(read_category(x)); });
    });
    each("annotations", "annotation",
         [&](size_t i, size_t position, const PythonValue&) { records_.emplace_back(i, position); });
    code_ids(images, categories);
    if (options_.class_agnostic || (categories.empty() && !options_.categories)) return;
    filter_ = options_.categories ? NumpyIds(*options_.categories) : NumpyIds(categories);
  }

  void code_ids(const std::vector<PythonValue>& images, const std::vector<PythonValue>& categories) {
    const auto asked = [](const std::optional<std::vector<int64_t>>& ids) {
      return ids ? std::span<const int64_t>(*ids) : std::span<const int64_t>();
    };
    images_ = std::make_unique<IdCodes>(images, asked(options_.images), file_.source + ": ids of images");
    categories_ =
        std::make_unique<IdCodes>(categories, asked(options_.categories), file_.source + ": ids of categories");
    for (size_t i = 0; i < images.size(); ++i) {
      all_.photos[i].id = (*images_)(images[i]);
      sides_of_[all_.photos[i].id] = i;  // of a repeated id the last
    }
    for (size_t i = 0; i < categories.size(); ++i) all_.categories[i].id = (*categories_)(categories[i]);
  }

  PythonValue read_photo(const PythonValue& x) {
    Photo& photo = all_.photos.emplace_back();
    if (const PythonValue* name = x.find("file_name")) photo.file_name = name->text;
    Sides& sides = sides_.emplace_back();
    if (const PythonValue* height = x.find("height")) sides.height = *height;
    if (const PythonValue* width = x.find("width")) sides.width = *width;
    return member(x, "id");
  }

  PythonValue read_category(const PythonValue& x) {
    const PythonValue& id = member(x, "id");
    const PythonValue* name = x.find("name");
    all_.categories.push_back({0, name && name->kind == Kind::string ? name->text : id.text, ""});
    return id;
  }

  // What was asked for by number, and what pycocotools evaluates if nothing was.
  void ask_for_codes() {
    const auto coded = [](std::vector<int64_t> ids, IdCodes& codes) {
      for (int64_t& id : ids) id = codes(id);
      return ids;
    };
    options_.images = options_.images ? coded(*options_.images, *images_) : images_->unique();
    if (options_.categories)
      options_.categories = coded(*options_.categories, *categories_);
    else if (!options_.class_agnostic)
      options_.categories = categories_->unique();
    image_counts_ = {options_.images->begin(), options_.images->end()};
    if (options_.categories) category_counts_ = {options_.categories->begin(), options_.categories->end()};
    if (!options_.categories)  // --class-agnostic: as the file has them, not as numpy would
      for (const Category& c : all_.categories) category_counts_.insert(c.id);
    options_.odd_images = !images_->plain();
    options_.odd_ids = categories_->texts();
    options_.torchmetrics = options_.torchmetrics && categories_->plain();  // its classes are numbers
  }

  bool counts(int64_t image, int64_t category) const {
    return image_counts_.contains(image) && category_counts_.contains(category);
  }
  // Of more than those that count pycocotools makes masks, and may raise.
  bool loads(int64_t image, const PythonValue& category) const {
    return image_counts_.contains(image) && (!filter_ || filter_->contains(category));
  }
  int64_t category_of(const PythonValue& record) {
    const PythonValue& category = member(record, "category_id");
    const int64_t code = (*categories_)(category);
    if (filter_ && filter_->contains(category)) options_.loaded_categories.insert(code);
    return code;
  }

  PythonValue at(const Text& file, size_t position) const {
    JsonReader reader(file.text, file.source);
    reader.rewind(position);
    return read_python_value(reader, file.text);
  }

  // pycocotools asks every image of a mask for its height and width, and reads them if it rasterises.
  std::function<void()> sides_for(int64_t image) {
    const auto found = sides_of_.find(image);
    check(found != sides_of_.end(), "its image is not in the list of images");
    const Sides& sides = sides_[found->second];
    check(sides.height && sides.width, "its image has no height and width");
    return [this, &sides, i = found->second] {
      all_.photos[i].height = int(side_of(*sides.height, "its image's height"));
      all_.photos[i].width = int(side_of(*sides.width, "its image's width"));
    };
  }

  void read_annotation(size_t index, size_t position) {
    const PythonValue x = at(file_, position);
    Annotation a;
    in_record(file_, "annotation", index, [&] {
      a.image_id = (*images_)(member(x, "image_id"));
      a.category_id = category_of(x);
      a.id = annotation_ids_(member(x, "id"));
      a.has_bbox = a.has_area = true;
    });
    try {
      read_measured(x, a);
    } catch (const Error& e) {  // said only if it is looked at
      all_.unusable[all_.annotations.size()] = fmt::format("annotation [{}]: {}", index, e.what());
    }
    if (counts(a.image_id, a.category_id)) scores_.touch(group_of(a));
    all_.annotations.push_back(std::move(a));
  }

  template <class Record>
  NumpyScores::Group group_of(const Record& x) const {
    return {options_.class_agnostic ? 0 : x.category_id, x.image_id};
  }

  // Only what the IoU types look at.
  void read_measured(const PythonValue& x, Annotation& a) {
    const PythonValue& id = member(x, "id");
    if ((truth(id) || id.kind == Kind::string) && to_float(id, "id") == 0) a.id = 0;
    const bool counted = counts(a.image_id, a.category_id);
    const PythonValue* crowd = counted ? x.find("iscrowd") : nullptr;
    if (crowd) {
      a.crowd = to_int(*crowd, "iscrowd", 0, 255) != 0;
      a.ignored = truth(*crowd);
    }
    const PythonValue* area = counted ? x.find("area") : nullptr;
    a.has_area = area || a.ignored || !counted;
    if (area && !a.ignored) {
      check(area->kind != Kind::null && area->kind != Kind::string && !area->is_list() && !area->is_dict(),
            "area is not a number");
      a.area = area->number;
    }
    if (options_.bbox && counted) a.bbox = box_of(member(x, "bbox"), true);
    a.has_bbox = options_.bbox;
    if (options_.masks()) {
      const auto sides = sides_for(a.image_id);
      const PythonValue& mask = member(x, "segmentation");
      a.segmentation = !counted && is_handed_on(mask) ? Rle() : segmentation_of(mask, sides);
    } else if (!a.has_area) {
      a.segmentation = segmentation_for_area(x, a.image_id);
    }
  }

  // None if no mask can be made of it: then the area is the box's.
  Segmentation segmentation_for_area(const PythonValue& x, int64_t image) {
    try {
      return segmentation_of(member(x, "segmentation"), sides_for(image));
    } catch (const Error&) {
      return {};
    }
  }

  Results read_results(const Text& file) {
    Results out{file.source, {}, {}};
    Results::List& list = out.lists.emplace_back();
    JsonReader reader(file.text, file.source);
    check(reader.kind() == JsonReader::Kind::array, "{}: results are not an array of detections", file.source);
    each_record(reader, file, "detection", [&](size_t i, size_t, const PythonValue& x) {
      in_record(file, "detection", i,
                [&] { list.add(read_detection(x, fmt::format("{}: detection [{}]", file.source, i))); });
    });
    reader.finish();
    return out;
  }

  Detection read_detection(const PythonValue& x, const std::string& name) {
    Detection d;
    d.image_id = (*images_)(member(x, "image_id"));
    d.category_id = category_of(x);
    const PythonValue& image = member(x, "image_id");
    check(all_.photo_row.contains(d.image_id), "image_id {} is not in {}",
          image.kind == Kind::integer ? image.text : json_string(image.text), file_.source);
    if (!boxes_) {
      check(!x.find("caption"), "it has a caption; detections expected");
      const PythonValue* box = x.find("bbox");
      boxes_ = box && !(box->is_list() && box->items.empty());
      check(*boxes_ || x.find("segmentation"), "it has neither bbox nor segmentation");
    }
    std::string broken;
    *boxes_ ? read_boxed(x, d, broken) : read_masked(x, d, broken);
    if (counts(d.image_id, d.category_id)) {
      const PythonValue& score = member(x, "score");
      check(score.kind == Kind::boolean || score.kind == Kind::integer || score.kind == Kind::real,
            "score is not a number");
      d.score = score.number;
      scores_.add(group_of(d), score, broken.empty() ? "" : name + ": " + broken);
    }
    return d;
  }

  // What is read here is looked at only where no limit of detections leaves it out; says what is wrong with it.
  static void read_if_measured(std::string& broken, const std::function<void()>& read) {
    try {
      read();
    } catch (const Error& e) {
      broken = e.what();
    }
  }

  // The first result has a box: so must all.
  void read_boxed(const PythonValue& x, Detection& d, std::string& broken) {
    const PythonValue& box = member(x, "bbox");
    d.bbox = box_of(box, false);
    for (const PythonValue& side : box.items)
      check(side.kind != Kind::null && side.kind != Kind::string, "bbox has null or a string");
    if (options_.bbox) read_if_measured(broken, [&] { box_of(box, true); });
    d.has_bbox = true;
    if (!options_.masks() || !loads(d.image_id, member(x, "category_id"))) return;
    const auto sides = sides_for(d.image_id);
    const PythonValue* mask = x.find("segmentation");
    if (!mask) {
      sides();
    } else if (is_handed_on(*mask)) {
      d.segmentation = Rle();
      read_if_measured(broken, [&] { d.segmentation = compressed(*mask); });
    } else {
      d.segmentation = segmentation_of(*mask, sides);
    }
  }

  void read_masked(const PythonValue& x, Detection& d, std::string& broken) {
    d.segmentation = compressed(member(x, "segmentation"));
    if (const PythonValue* box = x.find("bbox"); box && options_.bbox)
      read_if_measured(broken, [&] {
        d.bbox = box_of(*box, true);
        d.has_bbox = true;
      });
    if (options_.masks() && loads(d.image_id, member(x, "category_id"))) sides_for(d.image_id);
  }

  Text file_;
  EvaluationOptions& options_;
  Annotations all_;
  std::unique_ptr<IdCodes> images_, categories_;
  IdCodes annotation_ids_{{}, {}, "ids of annotations"};
  std::vector<Sides> sides_;                        // by row of the photos
  std::unordered_map<int64_t, size_t> sides_of_;    // rows, by id
  std::vector<std::pair<size_t, size_t>> records_;  // annotations: index and position
  std::unordered_set<int64_t> image_counts_, category_counts_;
  std::optional<NumpyIds> filter_;  // of the categories that are loaded; none: all are
  std::optional<bool> boxes_;       // the first result has a box
  NumpyScores scores_;
};

}  // namespace

EvaluationFiles read_leniently(const std::filesystem::path& annotations,
                               const std::vector<std::filesystem::path>& results, EvaluationOptions& options) {
  try {
    return Reading(annotations, options).read(results);
  } catch (const WrongValue& e) {
    fail("{}: {} (a COCO file is an object with images, annotations and categories)", annotations.string(), e.what());
  }
}

EvaluationFiles read_for_evaluation(const std::filesystem::path& annotations,
                                    const std::vector<std::filesystem::path>& results, EvaluationOptions& options) {
  EvaluationFiles out;
  try {
    out.annotations = read_annotations(annotations);
    for (const std::filesystem::path& path : results) out.results.push_back(read_result_views(path));
  } catch (const Error&) {
    if (std::filesystem::is_directory(annotations)) throw;
    return read_leniently(annotations, results, options);
  }
  if (std::ranges::any_of(out.results, &Results::odd) && !std::filesystem::is_directory(annotations)) {
    EvaluationOptions ignored = options;
    read_leniently(annotations, results, ignored);  // refuses what pycocotools does
  }
  return out;
}

size_t EvaluationFiles::detections() const {
  size_t sum = 0;
  for (const Results& one : results) sum += one.size();
  return sum;
}

}  // namespace sil
