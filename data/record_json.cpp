#include "data/record_json.h"

#include <fmt/format.h>

#include "data/runs.h"
#include "tensor/check.h"

namespace sil {

namespace {

// "annotation 918", or "annotation [4]" for the fifth of the list if it has no usable id.
std::string record_name(JsonReader& reader, const std::string& noun, size_t index, std::optional<int64_t>& id) {
  try {
    reader.begin_object(noun);
    for (std::string key; reader.next_key(key);)
      if (key == "id" && reader.kind() == JsonReader::Kind::number)
        id = reader.integer(key);
      else
        reader.skip();
  } catch (const WrongValue&) {
    id.reset();
  }
  return id ? fmt::format("{} {}", noun, *id) : fmt::format("{} [{}]", noun, index);
}

std::vector<int64_t> read_counts(JsonReader& reader) {
  std::vector<int64_t> counts;
  reader.begin_array("segmentation.counts");
  while (reader.next_item()) counts.push_back(reader.integer("segmentation.counts[]"));
  return counts;
}

Rle read_rle(JsonReader& reader) {
  std::vector<double> size;
  std::string text;
  std::vector<int64_t> counts;
  bool compressed = false, seen_counts = false, seen_size = false;
  reader.begin_object("segmentation");
  for (std::string key; reader.next_key(key);) {
    if (key == "size") {
      size = read_numbers(reader, "segmentation.size");
      seen_size = true;
    } else if (key == "counts") {
      compressed = reader.kind() == JsonReader::Kind::string;
      if (compressed)
        text = reader.string(key);
      else
        counts = read_counts(reader);
      seen_counts = true;
    } else {
      reader.skip();
    }
  }
  require(seen_size, "segmentation.size");
  require(seen_counts, "segmentation.counts");
  if (size.size() != 2)
    throw WrongValue(fmt::format("segmentation.size has {} numbers; height, width expected", size.size()));
  for (const double side : size)
    if (!(side >= 0 && side <= 0x1p24))
      throw WrongValue(fmt::format("segmentation.size has {}; 0 to 16777216 expected", side));
  const int64_t height = int64_t(size[0]), width = int64_t(size[1]);
  try {
    return compressed ? from_string(text, height, width) : from_counts(counts, height, width);
  } catch (const Error& e) {
    throw WrongValue(fmt::format("segmentation: {}", e.what()));
  }
}

}  // namespace

void report(std::vector<Fault>* faults, Fault fault) {
  if (!faults) throw Error(fault.text);
  faults->push_back(std::move(fault));
}

void read_records(JsonReader& reader, const std::string& source, const std::string& list, const std::string& noun,
                  std::vector<Fault>* faults, const std::function<void()>& read) {
  reader.begin_array(list);
  for (size_t index = 0; reader.next_item(); ++index) {
    const size_t begin = reader.position();
    try {
      read();
    } catch (const WrongValue& e) {
      std::optional<int64_t> id;
      reader.rewind(begin);
      const std::string record = record_name(reader, noun, index, id);
      report(faults,
             {source, noun == "annotation" ? id : std::nullopt, fmt::format("{}: {}: {}", source, record, e.what())});
      reader.rewind(begin);
      reader.skip();
    }
  }
}

void require(bool seen, const char* key) {
  if (!seen) throw WrongValue(fmt::format("key {} is missing", key));
}

std::vector<double> read_numbers(JsonReader& reader, const std::string& what) {
  std::vector<double> numbers;
  reader.begin_array(what);
  while (reader.next_item()) numbers.push_back(reader.number(what + "[]"));
  return numbers;
}

std::string read_name(JsonReader& reader, const std::string& key) {
  std::string name = reader.string(key);
  if (name.find('\0') != std::string::npos) throw WrongValue(fmt::format("{} holds a NUL", key));
  return name;
}

bool read_box(JsonReader& reader, std::array<double, 4>& box) {
  if (reader.kind() == JsonReader::Kind::null) {
    reader.skip();
    return false;
  }
  const std::vector<double> numbers = read_numbers(reader, "bbox");
  if (numbers.empty()) return false;
  if (numbers.size() != 4)
    throw WrongValue(fmt::format("bbox has {} numbers; x, y, width, height expected", numbers.size()));
  std::copy(numbers.begin(), numbers.end(), box.begin());
  return true;
}

Segmentation read_segmentation(JsonReader& reader) {
  using enum JsonReader::Kind;
  switch (reader.kind()) {
    case null:
      reader.skip();
      return {};
    case object:
      return read_rle(reader);
    case array:
      break;
    default:
      throw WrongValue("segmentation is neither polygons (an array of arrays) nor an RLE (an object)");
  }
  std::vector<Polygon> parts;
  reader.begin_array("segmentation");
  while (reader.next_item()) parts.push_back(read_numbers(reader, fmt::format("segmentation[{}]", parts.size())));
  return parts;
}

std::string box_text(const std::array<double, 4>& box) {
  return fmt::format("[{}, {}, {}, {}]", json_number(box[0]), json_number(box[1]), json_number(box[2]),
                     json_number(box[3]));
}

std::string segmentation_text(const Segmentation& segmentation, RleKind kind) {
  if (const auto* mask = std::get_if<Rle>(&segmentation)) {
    const std::string counts = kind == RleKind::compressed ? json_string(to_string(*mask))
                                                           : fmt::format("[{}]", fmt::join(mask->counts, ", "));
    return fmt::format(R"({{"size": [{}, {}], "counts": {}}})", mask->height, mask->width, counts);
  }
  std::string text = "[";
  if (const auto* parts = std::get_if<std::vector<Polygon>>(&segmentation))
    for (const Polygon& part : *parts) {
      if (text.size() > 1) text += ", ";
      text += '[';
      for (size_t i = 0; i < part.size(); ++i) text += (i ? ", " : "") + json_number(part[i]);
      text += ']';
    }
  return text + ']';
}

}  // namespace sil
