#include "data/partial_folder.h"

#include <unistd.h>

#include <algorithm>
#include <vector>

#include "tensor/atomic_file.h"
#include "tensor/check.h"

namespace sil {

namespace fs = std::filesystem;

PartialFolder::PartialFolder(const fs::path& target)
    : target_(behind_links(target.has_filename() ? target : target.parent_path())) {
  std::error_code unknown, error;
  const fs::file_status status = fs::status(target_, unknown);
  inside_ = fs::is_directory(status);
  const bool taken = inside_ ? !fs::is_empty(target_, error) : fs::exists(status);
  check(!error, "{}: cannot be read: {}", target.string(), error.message());
  check(!taken, "{}: exists already; a new or an empty folder expected", target.string());
  if (target_.has_parent_path()) fs::create_directories(target_.parent_path(), error);
  check(!error, "{}: cannot be made: {}", target.string(), error.message());
  const fs::path path = fmt::format("{}{}.part-{}", target_.string(), inside_ ? "/" : "", getpid());
  const bool is_new = fs::create_directory(path, error);
  check(!error, "{}: cannot be made: {}", path.string(), error.message());
  check(is_new, "{}: is in the way: a folder of an earlier run; remove it", path.string());
  path_ = path;
}

PartialFolder::~PartialFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

fs::path PartialFolder::make(const char* name) const {
  std::error_code error;
  fs::create_directory(path_ / name, error);
  check(!error, "{}: cannot be made: {}", (path_ / name).string(), error.message());
  return path_ / name;
}

// Folders first: what makes a set of them is a file.
void PartialFolder::finish() {
  std::error_code error;
  if (!inside_) {
    fs::rename(path_, target_, error);
  } else {
    std::vector<fs::path> content;
    for (const fs::directory_entry& entry : fs::directory_iterator(path_, error)) content.push_back(entry.path());
    std::stable_partition(content.begin(), content.end(), [](const fs::path& p) { return fs::is_directory(p); });
    for (const fs::path& p : content)
      if (!error) fs::rename(p, target_ / p.filename(), error);
    if (!error) fs::remove(path_, error);
  }
  check(!error, "{}: cannot be made: {}", target_.string(), error.message());
  path_.clear();
}

}  // namespace sil
