// A folder that appears whole or not at all, as a file does by write_atomically.
#pragma once
#include <filesystem>

namespace sil {

// A new folder beside the one to be written, which it becomes; removed with all it holds if it does not.  What ends the
// process at once, as Ctrl-C does, leaves it there as <target>.part-<process id>, in nobody's way.
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
};

}  // namespace sil
