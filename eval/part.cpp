#include "eval/part.h"

#include <algorithm>

#include "data/json_reader.h"
#include "eval/bytes.h"
#include "eval/npz.h"
#include "tensor/atomic_file.h"

namespace sil {
namespace {

constexpr std::string_view magic = "SILPART\n";
constexpr uint32_t version = 1;
constexpr size_t header_size = 8 + 4 + 8 + 4;

void put(ByteWriter& w, const Protocol& p) {
  w.put_list(p.iou_thresholds);
  w.put_list(p.recall_thresholds);
  w.put(uint64_t(p.areas.size()));
  for (const AreaRange& a : p.areas) {
    w.put_text(a.name);
    w.put(a.low);
    w.put(a.high);
  }
  w.put_list(p.max_detections);
  w.put(uint8_t(p.area_of ? 1 + int(*p.area_of) : 0));
  w.put(uint8_t(p.measure_if_no_area));
  w.put(uint8_t(p.skip_empty_images));
}

std::optional<AreaOf> take_area_of(ByteReader& r) {
  const uint8_t code = r.take<uint8_t>();
  r.expect(code <= 2, "source of areas");
  return code == 0 ? std::optional<AreaOf>() : AreaOf(code - 1);
}

Protocol take_protocol(ByteReader& r) {
  Protocol p;
  p.iou_thresholds = r.take_list<double>();
  p.recall_thresholds = r.take_list<double>();
  for (size_t n = r.take_count(24); n > 0; --n) {
    AreaRange& a = p.areas.emplace_back();
    a.name = r.take_text();
    a.low = r.take<double>();
    a.high = r.take<double>();
  }
  p.max_detections = r.take_list<int64_t>();
  p.area_of = take_area_of(r);
  p.measure_if_no_area = r.take<uint8_t>();
  p.skip_empty_images = r.take<uint8_t>();
  return p;
}

void put_texts(ByteWriter& w, const std::vector<std::string>& texts) {
  w.put(uint64_t(texts.size()));
  for (const std::string& text : texts) w.put_text(text);
}

std::vector<std::string> take_texts(ByteReader& r) {
  std::vector<std::string> out(r.take_count(8));
  for (std::string& text : out) text = r.take_text();
  return out;
}

}  // namespace

void Evaluator::write(ByteWriter& w) const {
  w.put(uint8_t(type_));
  w.put(uint8_t(area_of ? 1 + int(*area_of) : 0));
  w.put_list(categories_);
  w.put(uint64_t(protocols_.size()));
  for (const Protocol& p : protocols_) put(w, p);
  w.put(uint64_t(images_.size()));
  std::vector<std::pair<int64_t, bool>> images(images_.begin(), images_.end());
  std::ranges::sort(images);
  for (const auto& [id, found] : images) {
    w.put(id);
    w.put(uint8_t(found));
  }
  w.put(uint64_t(groups_.size()));
  for (const Group& g : groups_) {
    w.put(g.image_id);
    w.put(uint64_t(g.category));
    w.put(uint64_t(g.end - g.begin));
  }
  w.put_list(scores_);
  for (const Kept& kept : kept_) {
    w.put_list(kept.matched);
    w.put_list(kept.ignored);
    w.put_list(kept.objects);
  }
}

Evaluator Evaluator::read(ByteReader& r) {
  const uint8_t type = r.take<uint8_t>();
  r.expect(type <= 2, "IoU type");
  const std::optional<AreaOf> source = take_area_of(r);
  const std::vector<int64_t> categories = r.take_list<int64_t>();
  std::vector<Protocol> protocols(r.take_count(8));
  for (Protocol& p : protocols) p = take_protocol(r);
  r.expect(!protocols.empty(), "protocols");
  for (const Protocol& p : protocols)
    r.expect(!p.max_detections.empty() && std::ranges::min(p.max_detections) >= 0, "limits of detections");
  Evaluator e(IouType(type), categories, protocols);
  r.expect(e.categories_ == categories, "categories");
  e.area_of = source;
  for (size_t n = r.take_count(9); n > 0; --n) {
    const int64_t id = r.take<int64_t>();
    r.expect(e.images_.emplace(id, r.take<uint8_t>() != 0).second, "images: one is repeated");
  }
  size_t rows = 0;
  for (size_t n = r.take_count(24); n > 0; --n) {
    const int64_t image = r.take<int64_t>();
    const uint64_t category = r.take<uint64_t>(), count = r.take<uint64_t>();
    const auto at = e.images_.find(image);
    r.expect(at != e.images_.end() && (at->second || count == 0), "images");
    r.expect(category < categories.size() && count <= SIZE_MAX / 2 - rows, "groups");
    e.groups_.push_back({image, size_t(category), rows, rows + size_t(count)});
    rows += size_t(count);
  }
  e.scores_ = r.take_list<double>();
  r.expect(e.scores_.size() == rows, "count of scores");
  for (size_t i = 0; i < protocols.size(); ++i) {
    Kept& kept = e.kept_[i];
    kept.matched = r.take_list<uint64_t>();
    kept.ignored = r.take_list<uint64_t>();
    kept.objects = r.take_list<int64_t>();
    r.expect(kept.matched.size() == rows * kept.words && kept.ignored.size() == rows * kept.words, "count of matches");
    r.expect(kept.objects.size() == e.groups_.size() * protocols[i].areas.size(), "count of objects");
    r.expect(std::ranges::all_of(kept.objects, [](int64_t n) { return n >= 0 && n < int64_t(1) << 40; }), "objects");
  }
  return e;
}

std::string to_bytes(const Measured& m) {
  ByteWriter w;
  w.put(uint8_t(m.torchmetrics));
  w.put(uint8_t(m.has_images));
  w.put(m.objects);
  w.put(m.detections);
  w.put(m.unknown_category);
  put_texts(w, m.class_names);
  put_texts(w, m.odd_ids);
  w.put(uint8_t(m.bbox ? 1 : 0));
  if (m.bbox) m.bbox->write(w);
  w.put(uint8_t(m.segm ? 1 : 0));
  if (m.segm) m.segm->write(w);
  w.put(uint8_t(m.boundary ? 1 : 0));
  if (m.boundary) m.boundary->write(w);
  return w.bytes();
}

Measured measured_from(std::string_view bytes, const std::string& source) {
  ByteReader r(bytes, source);
  Measured m;
  m.torchmetrics = r.take<uint8_t>();
  m.has_images = r.take<uint8_t>();
  m.objects = r.take<int64_t>();
  m.detections = r.take<int64_t>();
  m.unknown_category = r.take<int64_t>();
  m.class_names = take_texts(r);
  m.odd_ids = take_texts(r);
  const auto take = [&](std::optional<Evaluator>& to, IouType type) {
    if (!r.take<uint8_t>()) return;
    to = Evaluator::read(r);
    r.expect(to->iou_type() == type, "IoU type");
    r.expect(to->categories().size() == m.class_names.size(), "count of class names");
    r.expect(to->protocols() == (m.torchmetrics && type != IouType::boundary ? 3u : 1u), "count of protocols");
  };
  take(m.bbox, IouType::bbox);
  take(m.segm, IouType::segm);
  take(m.boundary, IouType::boundary);
  r.expect(m.bbox || m.segm || m.boundary, "IoU types: none");
  for (const std::optional<Evaluator>* e : m.all())
    r.expect(!*e || (*e)->categories() == m.any().categories(), "categories");
  r.expect(m.odd_ids.size() == m.class_names.size(), "count of ids");
  r.finish();
  return m;
}

void write_part(const std::filesystem::path& path, const Measured& m) {
  const std::string bytes = to_bytes(m);
  ByteWriter header;
  header.put(version);
  header.put(uint64_t(bytes.size()));
  header.put(crc32(bytes));
  write_atomically(path, [&](std::ostream& out) { out << magic << header.bytes() << bytes; });
}

Measured read_part(const std::filesystem::path& path) {
  const std::string text = read_file(path), source = path.string();
  check(text.starts_with(magic) && text.size() >= header_size,
        "{}: is no part of an evaluation (--partial writes them)", source);
  ByteReader header(std::string_view(text).substr(magic.size(), header_size - magic.size()), source);
  const uint32_t given = header.take<uint32_t>();
  check(given == version, "{}: a part of format {}; {} expected", source, given, version);
  const uint64_t size = header.take<uint64_t>();
  const std::string_view bytes = std::string_view(text).substr(header_size);
  check(bytes.size() == size, "{}: has {} bytes after its header; {} expected: it is not whole", source, bytes.size(),
        size);
  check(crc32(bytes) == header.take<uint32_t>(), "{}: is damaged: its checksum is another", source);
  return measured_from(bytes, source);
}

Measured merge_parts(const std::vector<std::filesystem::path>& paths) {
  check(!paths.empty(), "merge: no parts");
  Measured whole = read_part(paths[0]);
  for (size_t i = 1; i < paths.size(); ++i) {
    const Measured part = read_part(paths[i]);
    try {
      whole.merge(part);
    } catch (const Error& e) {
      for (size_t j = 0; j < i; ++j) {  // with which of them
        Measured other = read_part(paths[j]);
        try {
          other.merge(part);
        } catch (const Error& why) {
          fail("{} and {}: {}", paths[j].string(), paths[i].string(), why.what());
        }
      }
      fail("{} and those before: {}", paths[i].string(), e.what());
    }
  }
  return whole;
}

}  // namespace sil
