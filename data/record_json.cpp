#include "data/record_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/runs.h"
#include "tensor/check.h"
#include "tensor/threads.h"

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

// The records from the one that comes next on.
void read_rest(JsonReader& reader, const std::string& source, const std::string& noun, size_t index,
               std::vector<Fault>* faults, const std::function<void()>& read) {
  do {
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
    ++index;
  } while (reader.next_item());
}

// Bytes of text that a thread reads in one go.
constexpr size_t kLeast = size_t(1) << 19, kMost = size_t(1) << 22;

constexpr std::string_view kSpace = " \n\t\r";

// Where the item begins that comes next.
size_t next_item_at(const JsonReader& reader) {
  return std::min(reader.text().find_first_not_of(kSpace, reader.position()), reader.text().size());
}

// From `from` on, the first '{' behind a '}' and a comma, as it stands between records; else the text's size.
size_t likely_record(std::string_view text, size_t from) {
  for (size_t at = from; (at = text.find('}', at)) < text.size(); ++at) {
    size_t next = text.find_first_not_of(kSpace, at + 1);
    if (next >= text.size() || text[next] != ',') continue;
    next = text.find_first_not_of(kSpace, next + 1);
    if (next < text.size() && text[next] == '{') return next;
  }
  return text.size();
}

// `begin`, then about `stretch` apart to `end`.
std::vector<size_t> stretch_begins(std::string_view text, size_t begin, size_t end, size_t stretch) {
  std::vector<size_t> begins{begin};
  while (begins.back() + stretch < std::min(end, text.size())) {
    const size_t at = likely_record(text, begins.back() + stretch);
    if (at >= std::min(end, text.size())) break;
    begins.push_back(at);
  }
  return begins;
}

struct Stretch {
  size_t begin = 0, end = 0;  // of its first record; of the one behind its last, or behind the array
  size_t records = 0;
  bool last = false;   // the array ends here
  bool sound = false;  // no error
};

// The records from `begin` to the first that begins at `limit` or behind it.
Stretch read_stretch(JsonReader reader, size_t begin, size_t limit, const std::function<void(JsonReader&)>& read) {
  Stretch s;
  s.begin = s.end = begin;
  reader.rewind(begin);
  try {
    do {
      read(reader);
      ++s.records;
      s.last = !reader.next_item();
      s.end = s.last ? reader.position() : next_item_at(reader);
    } while (!s.last && s.end < limit);
    s.sound = true;
  } catch (const Error&) {  // of a record, or there was none here: whoever reads in order finds out
  }
  return s;
}

}  // namespace

void report(std::vector<Fault>* faults, Fault fault) {
  if (!faults) throw Error(fault.text);
  faults->push_back(std::move(fault));
}

void read_records(JsonReader& reader, const std::string& source, const std::string& list, const std::string& noun,
                  std::vector<Fault>* faults, const std::function<void()>& read) {
  reader.begin_array(list);
  if (reader.next_item()) read_rest(reader, source, noun, 0, faults, read);
}

void read_records(JsonReader& reader, const std::string& source, const std::string& list, const std::string& noun,
                  std::vector<Fault>* faults, const RecordLists& lists) {
  reader.begin_array(list);
  if (!reader.next_item()) return;
  size_t at = next_item_at(reader), index = 0, count = 0;
  for (size_t reach = kLeast;; reach *= 2) {  // twice as far each time, since other arrays may follow in the text
    const size_t stretch = std::clamp(reach / (4 * size_t(threads())), kLeast, kMost);
    const std::vector<size_t> begins = stretch_begins(reader.text(), at, at + reach, stretch);
    const size_t stretches = begins.size();
    std::vector<size_t> ends(begins.begin() + 1, begins.end());
    ends.push_back(std::min(at + reach, reader.text().size()));
    lists.resize(count + stretches);
    for (size_t i = 0; i < stretches; ++i) lists.start(count + i, ends[i] - begins[i]);
    std::vector<Stretch> read(stretches);
    parallel_tasks(int64_t(stretches), [&](int64_t i) {
      read[size_t(i)] = read_stretch(reader, begins[size_t(i)], ends[size_t(i)],
                                     [&](JsonReader& r) { lists.read(r, count + size_t(i)); });
    });
    for (size_t i = 0; i < stretches; ++i, ++count) {
      const auto into_list = [&](JsonReader& r) { lists.read(r, count); };
      if (read[i].begin != at) {
        lists.start(count, ends[i] - std::min(at, ends[i]));
        read[i] = read_stretch(reader, at, ends[i], into_list);
      }
      if (!read[i].sound || read[i].last) lists.resize(count + 1);
      if (!read[i].sound) {
        lists.start(count, reader.text().size() - at);
        reader.rewind(at);
        return read_rest(reader, source, noun, index, faults, [&] { into_list(reader); });
      }
      at = read[i].end;
      index += read[i].records;
      if (read[i].last) return reader.rewind(at);
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
