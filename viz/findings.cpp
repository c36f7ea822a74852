#include "viz/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "data/json_reader.h"

namespace sil {

struct Findings::State {
  mutable std::mutex mutex;
  int done = 0;
  std::unordered_map<std::string, size_t> row_of;  // photo by file name
  std::vector<std::string> kinds;                  // JSON each
  std::string items;
};

Findings::Findings(const Gallery& gallery, std::vector<Fault> faults)
    : gallery_(&gallery), state_(std::make_shared<State>()) {
  const std::vector<Photo>& photos = gallery.annotations().photos;
  for (size_t row = 0; row < photos.size(); ++row) state_->row_of.emplace(photos[row].file_name, row);
  add(as_findings(faults), 0);
}

void Findings::annotations() { add(check_annotations(gallery_->annotations(), Depth::full), 1); }

void Findings::photos() {
  add(check_photos(gallery_->annotations(), gallery_->images(), Depth::full, gallery_->exif()), 2);
}

void Findings::add(const std::vector<Finding>& more, int done) {
  const std::lock_guard lock(state_->mutex);
  State& s = *state_;
  for (const Finding& f : more) {
    const std::string kind = fmt::format(R"({{"kind":{},"severity":"{}"}})", json_string(f.kind),
                                         f.severity == Severity::stops_training ? "stops training" : "warning");
    auto at = std::ranges::find(s.kinds, kind);
    if (at == s.kinds.end()) at = s.kinds.insert(at, kind);
    const auto row = s.row_of.find(f.file);
    fmt::format_to(std::back_inserter(s.items), "{}[{},{},{},{}]", s.items.empty() ? "" : ",",
                   row == s.row_of.end() ? -1 : int64_t(row->second),
                   f.annotation ? std::to_string(*f.annotation) : "null", at - s.kinds.begin(), json_string(f.text));
  }
  s.done = done;
}

std::string Findings::json() const {
  const std::lock_guard lock(state_->mutex);
  return fmt::format(R"({{"done":{},"kinds":[{}],"items":[{}]}})", state_->done, fmt::join(state_->kinds, ","),
                     state_->items);
}

}  // namespace sil
