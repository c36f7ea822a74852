// A training run's folder (train/metrics_log.h), which may be written while it is looked at.
//
//   state              JSON: name, files with size and age in seconds, config as text without folders
//   log/<offset>       JSON: {"next": n, "anew": true if the log does not go on at the offset, "lines": ["{...}",
//   ...]}:
//                      whole lines from there on, at most 4 MB at once
#pragma once
#include <filesystem>
#include <memory>
#include <string>

namespace sil {

class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path);  // throws an Error if there is no such folder

  std::unique_ptr<std::string> get(const std::string& name) const;  // JSON; null if there is none

 private:
  std::string state() const;
  std::string log(uint64_t offset) const;
  std::filesystem::path path_;
};

}  // namespace sil
