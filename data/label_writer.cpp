#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "data/file_text.h"
#include "data/image.h"
#include "data/json_reader.h"
#include "data/label_schema.h"
#include "data/partial_folder.h"
#include "tensor/atomic_file.h"
#include "tensor/check.h"

namespace sil {

namespace fs = std::filesystem;

namespace {

// Why the schema cannot hold an annotation; empty if it can.
std::string unfit(const Annotations& all, const Annotation& a) {
  if (a.crowd) return "is a crowd (iscrowd 1)";
  if (!all.photo_row.contains(a.image_id)) return fmt::format("image_id {} is not among the images", a.image_id);
  if (!all.category_row.contains(a.category_id))
    return fmt::format("category_id {} is not among the categories", a.category_id);
  const auto* parts = std::get_if<std::vector<Polygon>>(&a.segmentation);
  if (std::holds_alternative<std::monostate>(a.segmentation) || (parts && parts->empty()))
    return "has no segmentation, and an instance needs a mask or a polygon";
  return {};
}

// The stem of each photo's files; two photos cannot share one.
std::vector<std::string> stems_of(const Annotations& all, const fs::path& photos) {
  std::map<std::string, std::string> taken;
  std::vector<std::string> stems;
  for (const Photo& photo : all.photos) {
    const fs::path name = photo.file_name;
    const fs::path source = photos / name;
    std::error_code ignored;
    check(!photo.file_name.empty(), "{}: image {}: file_name is missing or empty; a photo's name expected", all.source,
          photo.id);
    check(fs::is_regular_file(source, ignored), "{}: image {}: there is no photo {}", all.source, photo.id,
          source.string());
    const auto [other, is_new] = taken.emplace(name.stem().string(), photo.file_name);
    check(is_new, "{}: image {}: {} and {} have one stem; labels/{}.json could mean either", all.source, photo.id,
          other->second, photo.file_name, other->first);
    stems.push_back(name.stem().string());
  }
  return stems;
}

std::string polygon_text(const Polygon& polygon) {
  std::string text;
  for (const double v : polygon) text += (text.empty() ? "" : ", ") + json_number(v);
  return '[' + text + ']';
}

// One line of a label file; a mask file where a polygon cannot do.
std::string instance_text(const fs::path& folder, const Annotations& all, const Annotation& a, const Photo& photo,
                          const std::string& mask_path) {
  const Rle mask = to_rle(a, photo);  // throws for what is broken, so nothing broken is written
  const Category& category = all.categories[all.category_row.at(a.category_id)];
  std::string text =
      fmt::format(R"({{"type": "instance", "class_id": {}, "class_name": {})", category.id, json_string(category.name));
  check(std::ranges::all_of(a.bbox, [](double v) { return std::isfinite(v); }),
        "annotation {}: bbox is {}; four finite numbers expected", a.id, fmt::join(a.bbox, ", "));
  if (a.has_bbox) text += fmt::format(", \"bbox\": {}", polygon_text(Polygon(a.bbox.begin(), a.bbox.end())));
  const auto* parts = std::get_if<std::vector<Polygon>>(&a.segmentation);
  if (parts && parts->size() == 1) return text + ", \"polygon\": " + polygon_text((*parts)[0]) + '}';

  Tensor bits = decode(mask);
  for (uint8_t& v : std::span(bits.data<uint8_t>(), size_t(bits.numel()))) v = v ? 255 : 0;
  write_png(folder / mask_path, bits);
  return text + ", \"mask_path\": " + json_string(mask_path) + '}';
}

// What could not be read again is not copied.
void check_photo(const fs::path& file, const Photo& photo, const std::string& source) {
  const Tensor pixels = read_image(file);
  check(pixels.dim(0) == photo.height && pixels.dim(1) == photo.width, "{}: is {} x {}, in {} {} x {} (width x height)",
        file.string(), pixels.dim(1), pixels.dim(0), source, photo.width, photo.height);
}

void write_photo(const fs::path& folder, const Annotations& all, size_t i, const std::string& stem,
                 const fs::path& photos) {
  const Photo& photo = all.photos[i];
  check_photo(photos / photo.file_name, photo, all.source);
  std::string text;
  int number = 0;
  for (const size_t row : all.by_photo[i]) {
    const Annotation& a = all.annotations[row];
    if (!unfit(all, a).empty()) continue;
    const std::string mask_path = fmt::format("masks/{}_{}.png", stem, ++number);
    text += text.empty() ? "[\n" : ",\n";
    try {
      text += instance_text(folder, all, a, photo, mask_path);
    } catch (const Error& e) {
      fail("{}: {}", all.source, e.what());
    }
  }
  write_atomically(folder / "labels" / (stem + ".json"),
                   [&](std::ostream& out) { out << (text.empty() ? "[]" : text + "\n]") << '\n'; });
  const FileText bytes(photos / photo.file_name);  // fs::copy_file names the source, and not why it failed
  write_atomically(folder / "images" / fs::path(photo.file_name).filename(),
                   [&](std::ostream& out) { out << bytes.view(); });
}

std::vector<Loss> losses_of(const Annotations& all) {
  std::vector<Loss> losses;
  for (const Annotation& a : all.annotations)
    if (const std::string why = unfit(all, a); !why.empty()) losses.push_back({a.id, why, a.crowd});
  std::stable_sort(losses.begin(), losses.end(), [](const Loss& a, const Loss& b) {
    return std::pair(!a.crowd, *a.annotation) < std::pair(!b.crowd, *b.annotation);
  });
  std::map<int64_t, int64_t> uses;
  for (const Annotation& a : all.annotations)
    if (unfit(all, a).empty()) ++uses[a.category_id];
  for (const Category& c : all.categories) {
    if (!uses.contains(c.id))
      losses.push_back({{}, fmt::format("category {} ({}) has no instance that could name it", c.id, c.name)});
    if (!c.supercategory.empty())
      losses.push_back({{}, fmt::format("category {} ({}) has the supercategory {}", c.id, c.name, c.supercategory)});
  }
  return losses;
}

}  // namespace

std::vector<Loss> write_labels(const fs::path& folder, const Annotations& all, const fs::path& photos) {
  const std::vector<std::string> stems = stems_of(all, photos);
  PartialFolder partial(folder);
  for (const char* sub : {"images", "labels", "masks"}) partial.make(sub);
  for (size_t i = 0; i < all.photos.size(); ++i) write_photo(partial.path(), all, i, stems[i], photos);
  partial.finish();
  return losses_of(all);
}

}  // namespace sil
