#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "data/image.h"
#include "data/image_limits.h"
#include "data/validate.h"
#include "tensor/check.h"
#include "tensor/rng.h"
#include "tensor/threads.h"

namespace sil {

namespace fs = std::filesystem;

namespace {

// Of the file's bytes; 0 if they cannot be read.
uint64_t content_hash(const std::string& bytes) {
  uint64_t hash = splitmix64(bytes.size());
  for (size_t at = 0; at < bytes.size(); at += 8) {
    uint64_t word = 0;
    std::copy_n(bytes.data() + at, std::min<size_t>(8, bytes.size() - at), reinterpret_cast<char*>(&word));
    hash = splitmix64(hash ^ word);
  }
  return hash;
}

struct Examined {
  std::vector<Finding> findings;
  uint64_t hash = 0;
};

Examined examine(const Photo& photo, const std::string& source, const fs::path& folder, Depth depth, Exif exif) {
  Examined e;
  const auto add = [&](Severity severity, const char* kind, std::string text) {
    e.findings.push_back({severity, kind, file_of(photo, source), {}, std::move(text)});
  };
  const auto missing = [&](std::string text) {
    add(Severity::stops_training, "photo missing", fmt::format("image {}: {}", photo.id, text));
    return e;
  };
  if (photo.file_name.empty()) return missing("file_name is missing or empty; a photo's name expected");
  const fs::path path = folder / photo.file_name;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return missing(fmt::format("there is no {}", path.string()));
  try {
    const ImageInfo info = read_image_info(path, exif);
    if (info.width != photo.width || info.height != photo.height)
      add(Severity::stops_training, "photo of another size",
          fmt::format("is {} x {} on disk, {} x {} in the annotations (width x height)", info.width, info.height,
                      photo.width, photo.height));
    if (info.orientation != 1 && exif == Exif::ignore)
      add(Severity::warning, "EXIF rotation",
          fmt::format("has EXIF orientation {}, which training ignores, as COCO's annotations assume",
                      info.orientation));
    if (depth == Depth::full) {
      const std::string bytes = read_photo_file(path);
      e.hash = content_hash(bytes);
      decode_image(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), path.string());
    }
  } catch (const Error& error) {
    const std::string text = error.what(), prefix = path.string() + ": ";
    add(Severity::stops_training, "photo unreadable", text.starts_with(prefix) ? text.substr(prefix.size()) : text);
  } catch (const std::bad_alloc&) {
    add(Severity::stops_training, "photo unreadable", "does not fit into memory");
  }
  return e;
}

// File names by the hash of their bytes.
std::map<uint64_t, std::string> hashes(const Annotations& all, const fs::path& folder) {
  std::vector<uint64_t> of(all.photos.size());
  parallel_tasks(int64_t(of.size()), [&](int64_t i) {
    try {
      of[size_t(i)] = content_hash(read_photo_file(folder / all.photos[size_t(i)].file_name));
    } catch (const Error&) {  // check_photos names it
    }
  });
  std::map<uint64_t, std::string> names;
  for (size_t i = 0; i < of.size(); ++i)
    if (of[i]) names.emplace(of[i], all.photos[i].file_name);
  return names;
}

Finding unknown_to_training(const Category& c, const Annotations& train, const Annotations& val) {
  const auto is_of_it = [&](const Annotation& a) { return a.category_id == c.id; };
  const auto first = std::ranges::find_if(val.annotations, is_of_it);
  Finding f{Severity::warning,
            "category of val only",
            val.source,
            {},
            fmt::format("category {} ({}) is not in {}", c.id, c.name, train.source)};
  if (first == val.annotations.end()) return f;
  const auto row = val.photo_row.find(first->image_id);
  f.severity = Severity::stops_training;
  f.text +=
      fmt::format(", and {} annotations are of it (the first is {})", std::ranges::count_if(val.annotations, is_of_it),
                  record_of(*first, row == val.photo_row.end() ? Photo() : val.photos[row->second]));
  return f;
}

// As Dataset has it: a category without a name in train, which a label folder may have, can be any.
void compare_categories(const Annotations& train, const Annotations& val, std::vector<Finding>& findings) {
  const auto called = [](const std::string& name) { return name.empty() ? "without a name" : name; };
  for (const Category& c : val.categories) {
    const auto row = train.category_row.find(c.id);
    if (row == train.category_row.end())
      findings.push_back(unknown_to_training(c, train, val));
    else if (const std::string& name = train.categories[row->second].name; name != c.name)
      findings.push_back(
          {name.empty() ? Severity::warning : Severity::stops_training,
           "category of two names",
           val.source,
           {},
           fmt::format("category {} is {} here, {} in {}", c.id, called(c.name), called(name), train.source)});
  }
}

}  // namespace

std::vector<Finding> check_photos(const Annotations& all, const fs::path& folder, Depth depth, Exif exif) {
  std::vector<Examined> of(all.photos.size());
  parallel_tasks(int64_t(of.size()),
                 [&](int64_t i) { of[size_t(i)] = examine(all.photos[size_t(i)], all.source, folder, depth, exif); });

  std::vector<Finding> findings;
  std::map<uint64_t, std::string> first_with;
  for (size_t i = 0; i < of.size(); ++i) {
    findings.insert(findings.end(), of[i].findings.begin(), of[i].findings.end());
    if (of[i].hash == 0) continue;
    const auto [first, is_new] = first_with.emplace(of[i].hash, all.photos[i].file_name);
    if (!is_new)
      findings.push_back({Severity::warning,
                          "same photo twice",
                          all.photos[i].file_name,
                          {},
                          fmt::format("is the same file as {}", first->second)});
  }
  return findings;
}

std::vector<Finding> check_split(const Annotations& train, const fs::path& train_photos, const Annotations& val,
                                 const fs::path& val_photos) {
  std::vector<Finding> findings;
  const auto in_train = hashes(train, train_photos);
  for (const auto& [hash, name] : hashes(val, val_photos))
    if (const auto same = in_train.find(hash); same != in_train.end())
      findings.push_back({Severity::warning,
                          "photo in train and val",
                          name,
                          {},
                          fmt::format("is the same file as {} of the training set", same->second)});
  compare_categories(train, val, findings);
  return findings;
}

}  // namespace sil
