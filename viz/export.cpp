#include "viz/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>

#include "data/json_reader.h"
#include "tensor/check.h"
#include "tensor/threads.h"
#include "viz/page_files.h"
#include "viz/script.h"

namespace sil {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes << std::flush;
  check(file.good(), "{}: cannot be written: {}", path.string(), std::strerror(errno));
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve(bytes.size() / 3 * 4 + 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) bits = bits << 8 | (i + k < bytes.size() ? uint8_t(bytes[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k) out += i + k <= bytes.size() ? letters[bits >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

// Data as a script that hands it over; see source.js.
class DataFolder {
 public:
  explicit DataFolder(fs::path folder) : folder_(std::move(folder)) {}
  void json(const std::string& name, std::string_view text) const { script(name, text); }
  void binary(const std::string& name, std::string_view bytes) const { script(name, '"' + base64(bytes) + '"'); }

 private:
  void script(const std::string& name, std::string_view value) const {
    const fs::path path = folder_ / (name + ".js");
    fs::create_directories(path.parent_path());
    write(path, fmt::format("silhouetteData({},{});\n", json_string(name), value));
  }
  fs::path folder_;
};

// The page says that it is an export, forbids what it does not need, and has a script of the old kind.
std::string index_html() {
  std::string html(page_file("index.html")->bytes);
  const auto replace = [&](std::string_view from, std::string_view to) {
    const size_t at = html.find(from);
    check(at != html.npos, "index.html has no {}", from);
    html.replace(at, from.size(), to);
  };
  replace("<html lang=\"en\">", "<html lang=\"en\" data-export>");
  replace(
      "<meta charset=\"utf-8\">",
      "<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src "
      "'self' file:; style-src 'self' file:; img-src 'self' file:; base-uri 'none'; form-action 'none'\">");
  replace("<script type=\"module\" src=\"main.js\">", "<script defer src=\"app.js\">");
  return html;
}

void write_pages(const fs::path& folder) {
  for (const PageFile& file : page_files())
    if (!file.name.ends_with(".js") && !file.name.ends_with(".html")) write(folder / file.name, file.bytes);
  write(folder / "index.html", index_html());
  write(folder / "app.js", joined_script());
}

constexpr const char* kOfPhoto[] = {"objects", "outlines"};

void write_results(const DataFolder& data, Evaluated& results, size_t place, size_t photos) {
  std::vector<std::string> names = results.names_of_all_photos();
  for (size_t row = 0; row < photos; ++row)
    for (const char* what : kOfPhoto) names.push_back(fmt::format("{}/{}", what, row));
  for (const std::string& name : names) {
    const auto item = results.get(name);
    const std::string to = fmt::format("results/{}/{}", place, name);
    item->binary ? data.binary(to, *item->bytes) : data.json(to, *item->bytes);
  }
}

// The log in the pieces that the page asks for, the last of which is empty.
void write_run(const DataFolder& data, const RunFolder& run) {
  data.json("run/state", *run.get("state"));
  for (uint64_t offset = 0;;) {
    const std::string text = *run.get(fmt::format("log/{}", offset));
    data.json(fmt::format("run/log/{}", offset), text);
    const uint64_t next = std::stoull(text.substr(text.find("\"next\":") + 7));
    if (next == offset) return;
    offset = next;
  }
}

// What cannot be read is left away; the page says so there.
void write_photo(const Gallery& gallery, size_t row, const fs::path& folder, const DataFolder& data) {
  try {
    const Gallery::Picture photo = gallery.photo(row);
    const fs::path to = folder / "photo" / std::to_string(row);
    if (photo.file.empty())
      write(to, photo.bytes);
    else
      write(to, read_file(photo.file));
    write(folder / "thumbnail" / std::to_string(row), gallery.thumbnail(row));
  } catch (const Error&) {
    std::error_code ignored;
    fs::remove(folder / "photo" / std::to_string(row), ignored);
  }
  data.json(fmt::format("objects/{}", row), gallery.objects(row));
  data.json(fmt::format("outlines/{}", row), gallery.outlines(row));
}

void write_all(const Gallery& gallery, const Findings& findings, std::span<Evaluated> results, const RunFolder* run,
               const fs::path& folder, const std::function<void(int64_t)>& done) {
  for (const char* part : {"photo", "thumbnail", "data"}) fs::create_directories(folder / part);
  const DataFolder data(folder / "data");
  write_pages(folder);
  data.json("header", gallery.header(results.size(), run != nullptr));
  data.json("names", gallery.names());
  data.binary("columns", gallery.columns());
  data.json("findings", *findings.get("findings"));
  for (size_t kind = 0; kind < findings.kinds(); ++kind)
    data.json(fmt::format("findings/{}", kind), *findings.get(fmt::format("findings/{}", kind)));
  if (run) write_run(data, *run);
  for (size_t i = 0; i < results.size(); ++i) write_results(data, results[i], i, gallery.size());
  int64_t written = 0;
  std::mutex mutex;
  parallel_tasks(int64_t(gallery.size()), [&](int64_t row) {
    write_photo(gallery, size_t(row), folder, data);
    const std::string name = fmt::format("findings/photo/{}", row);
    data.json(name, *findings.get(name));
    const std::lock_guard lock(mutex);
    done(++written);
  });
}

}  // namespace

uint64_t export_bytes(const Gallery& gallery, std::span<Evaluated> results) {
  uint64_t photos = 0, sample = 0, columns = gallery.columns().size();
  for (size_t row = 0; row < gallery.size(); ++row) try {
      photos += fs::file_size(gallery.photo_file(row));
    } catch (const std::exception&) {  // it will be left away
    }
  for (Evaluated& one : results)
    for (const std::string& name : one.names_of_all_photos()) columns += one.get(name)->bytes->size();
  const size_t step = std::max<size_t>(gallery.size() / 20, 1);
  size_t sampled = 0;
  for (size_t row = 0; row < gallery.size(); row += step, ++sampled) {
    sample += gallery.objects(row).size() + gallery.outlines(row).size();
    for (Evaluated& one : results)
      for (const char* what : kOfPhoto) sample += one.get(fmt::format("{}/{}", what, row))->bytes->size();
    try {
      sample += gallery.thumbnail(row).size();
    } catch (const Error&) {
    }
  }
  uint64_t pages = 0;
  for (const PageFile& file : page_files()) pages += file.bytes.size();
  return photos + (sampled ? sample * gallery.size() / sampled : 0) + columns * 4 / 3 + pages;
}

void export_pages(const Gallery& gallery, const Findings& findings, std::span<Evaluated> results, const RunFolder* run,
                  const fs::path& folder, const std::function<void(int64_t)>& done) {
  std::error_code error;
  check(!fs::exists(folder, error) || (fs::is_directory(folder, error) && fs::is_empty(folder, error)),
        "{}: exists already; a new or an empty folder expected", folder.string());
  const fs::path whole = fs::absolute(folder).lexically_normal();
  const fs::path target = whole.has_filename() ? whole : whole.parent_path();
  const fs::path beside = target.string() + ".partial";
  check(!fs::exists(beside, error), "{}: is left from an export that was cut off; remove it", beside.string());
  try {
    write_all(gallery, findings, results, run, beside, done);
    fs::rename(beside, target);
  } catch (...) {
    fs::remove_all(beside, error);
    throw;
  }
}

}  // namespace sil
