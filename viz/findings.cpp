#include "viz/findings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "data/json_reader.h"
#include "viz/numbered.h"

namespace sil {

struct Findings::State {
  struct Kind {
    std::string name;
    Severity severity;
    size_t count = 0;
    std::vector<size_t> rows;
    std::vector<std::string> others;
  };
  mutable std::mutex mutex;
  int done = 0;
  std::unordered_map<std::string, size_t> row_of;    // photo by file name
  std::vector<Kind> kinds;                           // in the order of their first finding
  std::unordered_map<size_t, std::string> of_photo;  // JSON of its items, without brackets
};

Findings::Findings(const Gallery& gallery, const std::vector<Fault>& faults)
    : gallery_(&gallery), state_(std::make_unique<State>()) {
  const std::vector<Photo>& photos = gallery.annotations().photos;
  for (size_t row = 0; row < photos.size(); ++row) state_->row_of.emplace(photos[row].file_name, row);
  const std::filesystem::path source = gallery.annotations().source;
  if (std::error_code ignored; std::filesystem::is_directory(source, ignored))  // faults name the label files
    for (size_t row = 0; row < photos.size(); ++row) {
      const std::string stem = std::filesystem::path(photos[row].file_name).stem().string();
      state_->row_of.emplace((source / "labels" / (stem + ".json")).string(), row);
    }
  add(as_findings(faults), 0);
}

Findings::~Findings() = default;

void Findings::annotations() { add(check_annotations(gallery_->annotations(), Depth::full), 1); }

void Findings::photos() {
  add(check_photos(gallery_->annotations(), gallery_->images(), Depth::full, gallery_->exif()), 2);
}

void Findings::add(const std::vector<Finding>& more, int done) {
  const std::lock_guard lock(state_->mutex);
  State& s = *state_;
  for (const Finding& f : more) {
    auto kind = std::ranges::find(s.kinds, f.kind, &State::Kind::name);
    if (kind == s.kinds.end()) kind = s.kinds.insert(kind, {f.kind, f.severity, 0, {}, {}});
    ++kind->count;
    const auto row = s.row_of.find(f.file);
    const std::string text = gallery_->without_folders(f.text);
    if (row == s.row_of.end()) {
      if (kind->others.size() < kOthers)
        kind->others.push_back(
            json_string(f.annotation ? fmt::format("annotation {}: {}", *f.annotation, text) : text));
      continue;
    }
    if (kind->rows.empty() || kind->rows.back() != row->second) kind->rows.push_back(row->second);
    std::string& items = s.of_photo[row->second];
    items +=
        fmt::format("{}[{},{},{}]", items.empty() ? "" : ",", f.annotation ? std::to_string(*f.annotation) : "null",
                    kind - s.kinds.begin(), json_string(text));
  }
  s.done = done;
}

size_t Findings::kinds() const {
  const std::lock_guard lock(state_->mutex);
  return state_->kinds.size();
}

std::unique_ptr<std::string> Findings::get(const std::string& name) const {
  const std::lock_guard lock(state_->mutex);
  const State& s = *state_;
  if (name == "findings") {
    std::vector<std::string> kinds;
    for (const State::Kind& k : s.kinds)
      kinds.push_back(fmt::format(R"({{"kind":{},"severity":"{}","count":{},"photos":{},"others":[{}]}})",
                                  json_string(k.name),
                                  k.severity == Severity::stops_training ? "stops training" : "warning", k.count,
                                  k.rows.size(), fmt::join(k.others, ",")));
    return std::make_unique<std::string>(fmt::format(R"({{"done":{},"kinds":[{}]}})", s.done, fmt::join(kinds, ",")));
  }
  if (const auto row = number_behind(name, "findings/photo/", gallery_->size())) {
    const auto items = s.of_photo.find(*row);
    return std::make_unique<std::string>("[" + (items == s.of_photo.end() ? "" : items->second) + "]");
  }
  if (const auto kind = number_behind(name, "findings/", s.kinds.size()))
    return std::make_unique<std::string>(fmt::format("[{}]", fmt::join(s.kinds[*kind].rows, ",")));
  return nullptr;
}

}  // namespace sil
