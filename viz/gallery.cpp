#include "viz/gallery.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>

#include "data/json_reader.h"
#include "data/transforms.h"
#include "eval/bytes.h"
#include "tensor/check.h"
#include "viz/colour.h"
#include "viz/object_json.h"
#include "viz/path_text.h"

namespace sil {
namespace {

namespace fs = std::filesystem;

double area_of(const Annotation& a) { return a.has_area ? a.area : a.bbox[2] * a.bbox[3]; }

// What browsers show; libraries that know more formats turn the others into PNG.
const char* browser_type(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xD8\xFF")) return "image/jpeg";
  if (bytes.starts_with("\x89PNG\r\n\x1A\n")) return "image/png";
  if (bytes.starts_with("GIF8")) return "image/gif";
  if (bytes.starts_with("BM")) return "image/bmp";
  return nullptr;
}

// How long the longest of the folders is that the path begins with; 0: none of them.
size_t folder_at_front(std::string_view path, const std::set<std::string, std::less<>>& folders) {
  for (;;) {
    const auto behind = folders.upper_bound(path);
    if (behind == folders.begin()) return 0;
    const std::string& nearest = *std::prev(behind);
    if (path.starts_with(nearest)) return nearest.size();
    // What comes between a front of the path and the path begins with that front.
    path = path.substr(0, size_t(std::ranges::mismatch(path, nearest).in1 - path.begin()));
  }
}

}  // namespace

Annotations first_photos(Annotations a, size_t count) {
  if (count >= a.photos.size()) return a;
  a.photos.resize(count);
  a.index();
  std::erase_if(a.annotations, [&](const Annotation& x) { return !a.photo_row.contains(x.image_id); });
  a.index();
  return a;
}

Gallery::Gallery(Annotations annotations, size_t all_photos, fs::path images, Exif exif)
    : annotations_(std::move(annotations)), all_photos_(all_photos), images_(std::move(images)), exif_(exif) {
  std::error_code ignored;
  check(fs::is_directory(images_, ignored), "{}: no such folder of photos", images_.string());
  const fs::path source = annotations_.source,
                 beside = fs::is_directory(source, ignored) ? source : source.parent_path();
  for (const fs::path& folder : {images_, beside}) {
    const fs::path real = fs::canonical(folder.empty() ? "." : folder, ignored);
    for (std::string name : {folder.string(), real.string()}) {
      while (name.ends_with('/')) name.pop_back();
      if (name.starts_with('/')) folders_.push_back({name + "/", ""});
      if (name.starts_with('/')) folders_.push_back({name, last_name(name)});
    }
  }
  std::ranges::stable_sort(folders_, std::greater{}, [](const auto& folder) { return folder.first.size(); });
  std::set<std::string, std::less<>> elsewhere;
  for (const Photo& photo : annotations_.photos) {
    const fs::path name = without_folders(photo.file_name);
    if (name.is_absolute() && name.parent_path() != "/") elsewhere.insert(name.parent_path().string() + "/");
  }
  elsewhere_ = std::move(elsewhere);  // now: until here the folders above alone are left out
  images_ = fs::canonical(images_);
}

// A folder is one only where a path begins: not the middle of a name inside another.
std::string Gallery::without_folders(std::string message) const {
  const auto begins = [&](size_t at) {
    const unsigned char before = at > 0 ? message[at - 1] : ' ';
    return before <= 127 && !std::isalnum(before) &&
           std::string_view("/._-").find(char(before)) == std::string_view::npos;
  };
  for (const auto& [folder, name] : folders_)
    for (size_t at = 0; (at = message.find(folder, at)) != message.npos;)
      if (begins(at))
        message.replace(at, folder.size(), name);
      else
        ++at;
  if (elsewhere_.empty()) return message;
  for (size_t at = 0; (at = message.find('/', at)) != message.npos;)
    if (const size_t length = begins(at) ? folder_at_front(std::string_view(message).substr(at), elsewhere_) : 0)
      message.erase(at, length);
    else
      ++at;
  return message;
}

Photo Gallery::shown(size_t row) const {
  Photo photo = annotations_.photos.at(row);
  photo.file_name = without_folders(std::move(photo.file_name));
  return photo;
}

int Gallery::class_of(const Annotation& a) const {
  const auto row = annotations_.category_row.find(a.category_id);
  return row == annotations_.category_row.end() ? -1 : int(row->second);
}

std::vector<int> Gallery::classes_of(size_t row) const {
  std::vector<int> out;
  for (const size_t i : annotations_.by_photo[row]) out.push_back(std::max(class_of(annotations_.annotations[i]), 0));
  return out;
}

std::string Gallery::header(size_t results, bool run) const {
  size_t objects = 0;
  for (const auto& rows : annotations_.by_photo) objects += rows.size();
  std::string out = fmt::format(
      R"({{"source":{},"photos":{},"all_photos":{},"objects":{},"exif":{},"results":{},"run":{},"categories":[)",
      json_string(last_name(annotations_.source)), size(), all_photos_, objects, exif_ == Exif::apply, results, run);
  for (size_t k = 0; k < annotations_.categories.size(); ++k)
    out += fmt::format(R"({}{{"id":{},"name":{},"colour":"{}"}})", k ? "," : "", annotations_.categories[k].id,
                       json_string(annotations_.categories[k].name), css(object_colour(int(k), 0)));
  return out + "]}";
}

std::string Gallery::names() const {
  std::string out = "[";
  for (size_t row = 0; row < size(); ++row) out += (row > 0 ? "," : "") + json_string(shown(row).file_name);
  return out + "]";
}

std::string Gallery::columns() const {
  const std::vector<Photo>& photos = annotations_.photos;
  std::vector<uint32_t> by_name(size()), rank(size());
  std::iota(by_name.begin(), by_name.end(), 0u);
  std::ranges::sort(by_name, {}, [&](uint32_t i) -> const std::string& { return photos[i].file_name; });
  for (size_t i = 0; i < size(); ++i) rank[by_name[i]] = uint32_t(i);

  ByteWriter out;
  uint32_t first = 0;
  out.put(first);
  for (const auto& rows : annotations_.by_photo) out.put(first += uint32_t(rows.size()));
  for (const Photo& photo : photos) out.put(uint32_t(photo.width));
  for (const Photo& photo : photos) out.put(uint32_t(photo.height));
  for (const uint32_t r : rank) out.put(r);
  const auto for_each = [&](auto f) {
    for (const auto& rows : annotations_.by_photo)
      for (const size_t i : rows) f(annotations_.annotations[i]);
  };
  for_each([&](const Annotation& a) { out.put(float(area_of(a))); });
  for_each([&](const Annotation& a) { out.put(float(a.bbox[2] / a.bbox[3])); });
  for_each([&](const Annotation& a) { out.put(uint16_t(std::min(unsigned(class_of(a)), 65535u))); });
  for_each([&](const Annotation& a) { out.put(uint8_t(a.crowd | (a.id == 0) << 1)); });
  return out.bytes();
}

std::string Gallery::objects(size_t row) const {
  const Photo photo = shown(row);
  const std::vector<Rgb> colours = object_colours(classes_of(row));
  std::string out = fmt::format(R"({{"id":{},"name":{},"width":{},"height":{},"objects":[)", photo.id,
                                json_string(photo.file_name), photo.width, photo.height);
  for (size_t i = 0; i < colours.size(); ++i) {
    const Annotation& a = annotations_.annotations[annotations_.by_photo[row][i]];
    out += fmt::format(
        R"({}{{"id":{},"class":{},"category_id":{},"bbox":{},"annotated_area":{},"crowd":{},"colour":"{}"{}}})",
        i ? "," : "", a.id, class_of(a), a.category_id, list(a.bbox), a.has_area ? json_or_null(a.area) : "null",
        a.crowd, css(colours[i]), mask_json(a, photo));
  }
  return out + "]}";
}

std::string Gallery::outlines(size_t row) const {
  const Photo& photo = annotations_.photos.at(row);
  const std::vector<Rgb> colours = object_colours(classes_of(row));
  std::string out = "[";
  for (size_t i = 0; i < colours.size(); ++i) {
    const Annotation& a = annotations_.annotations[annotations_.by_photo[row][i]];
    out += fmt::format(R"({}["{}",{},"{}"])", i ? "," : "", css(colours[i]), list(a.bbox), thumbnail_path(a, photo));
  }
  return out + "]";
}

fs::path Gallery::photo_file(size_t row) const {
  const std::string& name = annotations_.photos.at(row).file_name;
  std::error_code error;
  const fs::path path = fs::canonical(images_ / name, error);
  check(!error, "{}: {}", name, error.message());
  const auto [end, rest] = std::mismatch(images_.begin(), images_.end(), path.begin(), path.end());
  check(end == images_.end(), "{}: lies outside the folder of photos", name);
  check(fs::is_regular_file(path, error), "{}: is no file", name);
  return path;
}

Gallery::Picture Gallery::photo(size_t row) const {
  const fs::path path = photo_file(row);
  if (const char* type = browser_type(read_file(path, 8))) return {type, path, {}};
  return {"image/png", {}, png_bytes(read_image(path, exif_))};
}

std::string Gallery::thumbnail(size_t row) const {
  const Tensor photo = read_image_at_least(photo_file(row), kThumbnail, exif_);
  const int64_t height = photo.dim(0), width = photo.dim(1), longer = std::max(height, width);
  if (longer <= kThumbnail) return jpeg_bytes(photo, 90);
  const auto scaled = [&](int64_t side) {
    return std::max(1, int(std::lround(double(side) * kThumbnail / double(longer))));
  };
  return jpeg_bytes(resize_antialiased(photo, scaled(height), scaled(width)), 85);
}

}  // namespace sil
