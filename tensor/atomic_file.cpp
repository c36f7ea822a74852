#include "tensor/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "tensor/check.h"

namespace sil {
namespace {

// Removes the temporary file unless it was renamed.
struct Temporary {
  std::filesystem::path path;
  ~Temporary() {
    std::error_code ignored;
    if (!path.empty()) std::filesystem::remove(path, ignored);
  }
};

// How the names of a file's temporary ones begin; the number of a process follows.  No name has more than 255 bytes.
std::string start_of_parts(const std::filesystem::path& target) {
  constexpr size_t kMostBytes = 255, kMostDigits = 10;
  const std::string part = ".part-";
  return target.filename().string().substr(0, kMostBytes - part.size() - kMostDigits) + part;
}

const char* reason() { return errno ? std::strerror(errno) : "input/output error"; }

// The data, or a folder's entry, is on the disk when this returns.
void sync(const std::filesystem::path& target, const std::filesystem::path& what, int flags) {
  const int file = ::open(what.c_str(), flags | O_CLOEXEC);
  check(file >= 0, "{}: cannot be written: {}", target.string(), reason());
  errno = 0;
  const bool ok =
      ::fsync(file) == 0 || errno == EINVAL || errno == EROFS;  // some file systems have no fsync of folders
  const int code = errno;
  ::close(file);
  check(ok, "{}: cannot be written: {}", target.string(), std::strerror(code));
}

void write_to_device(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write) {
  errno = 0;
  std::ofstream out(path, std::ios::binary);
  check(bool(out), "{}: cannot be written: {}", path.string(), reason());
  write(out);
  out.close();
  check(!out.fail(), "{}: cannot be written: {}", path.string(), reason());
}

}  // namespace

// Step by step, as the last step may lead to what does not exist yet.
std::filesystem::path behind_links(const std::filesystem::path& path) {
  constexpr int kMostLinks = 40;  // Linux's own limit
  std::filesystem::path target = path;
  std::error_code error;
  for (int links = 0; std::filesystem::is_symlink(target, error); links++) {
    check(links < kMostLinks, "{}: cannot be written: {}", path.string(), std::strerror(ELOOP));
    target = target.parent_path() / std::filesystem::read_symlink(target, error);
  }
  return target;
}

bool is_device(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_other(path, ignored);
}

void write_atomically(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write) {
  if (is_device(path)) return write_to_device(path, write);
  const std::filesystem::path target = behind_links(path);
  Temporary temporary{target.parent_path() / (start_of_parts(target) + std::to_string(::getpid()))};
  errno = 0;
  std::ofstream out(temporary.path, std::ios::binary | std::ios::trunc);
  if (!out) {
    const std::string why = reason();
    temporary.path.clear();
    fail("{}: cannot be written: {}", path.string(), why);
  }
  write(out);
  out.flush();
  check(bool(out), "{}: cannot be written: {}", path.string(), reason());
  out.close();
  check(!out.fail(), "{}: cannot be written: {}", path.string(), reason());
  sync(path, temporary.path, O_RDONLY);
  errno = 0;
  check(std::rename(temporary.path.c_str(), target.c_str()) == 0, "{}: cannot be written: {}", path.string(), reason());
  temporary.path.clear();
  sync(path, target.has_parent_path() ? target.parent_path() : ".", O_RDONLY | O_DIRECTORY);
}

void remove_leftovers(const std::filesystem::path& path) {
  const std::string start = start_of_parts(path);
  std::error_code error, ignored;
  std::filesystem::directory_iterator entry(path.has_parent_path() ? path.parent_path() : ".", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with(start) && name.size() > start.size() &&
        name.find_first_not_of("0123456789", start.size()) == std::string::npos &&
        std::filesystem::is_regular_file(entry->symlink_status(ignored)))
      std::filesystem::remove(entry->path(), ignored);
  }
}

}  // namespace sil
