// A run's folder, held by one program at a time: two of them would write one log and take turns at one checkpoint.
#pragma once
#include <filesystem>

namespace sil {

// Holds the folder until it goes out of scope or the program ends, however it ends; nothing is written into it.  A
// folder that another program holds is an Error; where a file system knows no locks, nobody is kept out.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  bool held() const { return held_; }  // nobody else can hold it

 private:
  int descriptor_ = -1;
  bool held_ = false;
};

}  // namespace sil
