#include "data/file_text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "data/huge_pages.h"
#include "tensor/check.h"
#include "tensor/threads.h"

namespace sil {

namespace {

struct File {
  int fd;
  ~File() { close(fd); }
};

void read_at(int fd, char* to, size_t begin, size_t end, const std::string& name) {
  while (begin < end) {
    const ssize_t n = pread(fd, to + begin, end - begin, off_t(begin));
    if (n < 0 && errno == EINTR) continue;
    check(n >= 0, "{}: cannot be read: {}", name, std::strerror(errno));
    check(n > 0, "{}: cannot be read: it became shorter meanwhile", name);
    begin += size_t(n);
  }
}

}  // namespace

FileText::FileText(const std::filesystem::path& path, size_t at_most) {
  std::error_code ignored;
  const std::string name = path.string();
  const std::filesystem::file_status status = std::filesystem::status(path, ignored);
  check(!is_directory(status), "{}: is a folder; a file expected", name);
  check(!exists(status) || is_regular_file(status), "{}: is not a regular file", name);
  const File file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat about {};
  check(file.fd >= 0 && fstat(file.fd, &about) == 0, "{}: cannot be opened: {}", name, std::strerror(errno));
  check(S_ISREG(about.st_mode), "{}: is not a regular file", name);
  check(about.st_size > 0, "{}: is empty", name);
  size_ = std::min(size_t(about.st_size), at_most);

  bytes_.reset(static_cast<char*>(allocate_huge(size_ + 1)));
  parallel_tasks(int64_t((size_ + kHugePage - 1) / kHugePage), [&](int64_t i) {
    const size_t begin = size_t(i) * kHugePage;
    read_at(file.fd, bytes_.get(), begin, std::min(size_, begin + kHugePage), name);
  });
  bytes_.get()[size_] = '\0';
}

}  // namespace sil
