// A record read as it stands, by the reader of plain ones perhaps, and again with a key that only the general reader
// takes: both must find the same, errors included.
#include <algorithm>
#include <cstring>

#include "data/annotations.h"
#include "fuzz/fuzz.h"

namespace {

const std::string escaped = R"("\u0078":0,)", spaces(escaped.size(), ' ');

bool same(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }
bool same(const std::array<double, 4>& a, const std::array<double, 4>& b) { return std::memcmp(&a, &b, sizeof a) == 0; }
bool same(const sil::Segmentation& a, const sil::Segmentation& b) {
  if (a.index() != b.index()) return false;
  const auto* parts = std::get_if<std::vector<sil::Polygon>>(&a);
  if (!parts) return a == b;
  const auto& others = std::get<std::vector<sil::Polygon>>(b);
  if (parts->size() != others.size()) return false;
  return std::equal(parts->begin(), parts->end(), others.begin(), [](const auto& part, const auto& other) {
    return std::equal(part.begin(), part.end(), other.begin(), other.end(),
                      [](double x, double y) { return same(x, y); });
  });
}
bool same(const sil::Detection& a, const sil::Detection& b) {
  return a.image_id == b.image_id && a.category_id == b.category_id && same(a.score, b.score) &&
         a.has_bbox == b.has_bbox && (!a.has_bbox || same(a.bbox, b.bbox)) && same(a.segmentation, b.segmentation);
}
bool same(const sil::Annotation& a, const sil::Annotation& b) {
  return a.id == b.id && a.image_id == b.image_id && a.category_id == b.category_id && a.crowd == b.crowd &&
         a.has_bbox == b.has_bbox && a.has_area == b.has_area && (!a.has_area || same(a.area, b.area)) &&
         (!a.has_bbox || same(a.bbox, b.bbox)) && same(a.segmentation, b.segmentation);
}

// The records, or what is wrong with them.
template <class Record, class F>
std::pair<std::vector<Record>, std::string> read(F records, const std::string& text) {
  try {
    return {records(fuzz::file_with(reinterpret_cast<const uint8_t*>(text.data()), text.size(), "r.json")), ""};
  } catch (const sil::Error& e) {
    return {{}, e.what()};
  }
}

template <class Record, class F>
void compare(F records, const std::string& before, const std::string& record, const std::string& after) {
  const auto plain = read<Record>(records, before + "{" + spaces + record + after);
  const auto general = read<Record>(records, before + "{" + escaped + record + after);
  if (plain.second != general.second || plain.first.size() != general.first.size()) fuzz::finding();
  for (size_t i = 0; i < plain.first.size(); ++i)
    if (!same(plain.first[i], general.first[i])) fuzz::finding();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  // An empty record is none with a key more.
  const std::string record(reinterpret_cast<const char*>(bytes), size);
  if (const size_t at = record.find_first_not_of(" \n\t\r"); at == std::string::npos || record[at] != '"') return 0;
  compare<sil::Detection>([](const auto& path) { return sil::read_results(path); }, "[", record, "]");
  compare<sil::Annotation>([](const auto& path) { return sil::read_annotations(path).annotations; },
                           R"({"images":[],"annotations":[)", record, "]}");
  return 0;
}
