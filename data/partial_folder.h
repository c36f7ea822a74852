// A folder's files, which appear all at once or not at all.
#pragma once
#include <filesystem>

namespace sil {

// A new folder beside the one to be written, which it becomes; in one that is there already and is empty, a folder
// whose content moves up, as the target may be a place that nothing can be renamed onto (".", a mount).  Removed with
// all it holds if it comes to nothing.  What ends the process at once, as Ctrl-C does, leaves it there as
// <target>.part-<process id> or <target>/.part-<process id>.
class PartialFolder {
 public:
  // Throws an Error unless `target` is new or an empty folder, and if it cannot be made.
  explicit PartialFolder(const std::filesystem::path& target);
  PartialFolder(const PartialFolder&) = delete;
  ~PartialFolder();

  const std::filesystem::path& path() const { return path_; }
  // A folder inside.
  std::filesystem::path make(const char* name) const;
  // Becomes the target.
  void finish();

 private:
  std::filesystem::path target_, path_;
  bool inside_;  // the target, which was there
};

}  // namespace sil
