#include "train/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "tensor/check.h"

namespace sil {

FolderLock::FolderLock(const std::filesystem::path& folder)
    : descriptor_(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  held_ = descriptor_ >= 0 && flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
  const bool taken = descriptor_ >= 0 && !held_ && errno == EWOULDBLOCK;
  if (taken) close(descriptor_);
  check(!taken, "{}: another program trains into it; wait for its end, or give another --out", folder.string());
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace sil
